// SPDX-License-Identifier: Apache-2.0
// Plain, JSON and CSV; export_nft.cpp has the other.
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/decisions/export_nft.hpp"
#include "agent/decisions/fields.hpp"
#include "agent/decisions/transfer.hpp"

namespace tidegate::decisions {
namespace {

std::string time_of(WallTime time) {
  const bool whole = time == std::chrono::floor<std::chrono::seconds>(time);
  return to_rfc3339(time, !whole);
}

class PlainExporter final : public Exporter {
 public:
  PlainExporter(WallTime now, Write write) : now_(now), write_(std::move(write)) {}

  void add(const Decision& decision) override {
    std::string line = decision.action == Action::kBlock ? "" : "# " + std::string(to_string(decision.action)) + " ";
    line += decision.target.to_string();
    const std::string_view word = std::string_view(decision.reason).substr(0, decision.reason.find_first_of(" \t"));
    if (decision.expires) {
      const auto left = std::chrono::ceil<std::chrono::seconds>(*decision.expires - now_);
      if (left.count() <= 0) return;
      line += " " + format_duration(left);
    } else if (looks_like_duration(word) || word == "-") {
      line += " -";
    }
    if (!decision.reason.empty()) line += " " + decision.reason;
    write_(line + "\n");
  }
  void finish() override {}

 private:
  WallTime now_;
  Write write_;
};

class JsonExporter final : public Exporter {
 public:
  explicit JsonExporter(Write write) : write_(std::move(write)) {}

  void add(const Decision& decision) override {
    nlohmann::ordered_json object;
    object["id"] = decision.id;
    object["target"] = decision.target.to_string();
    object["action"] = to_string(decision.action);
    object["origin"] = decision.origin;
    object["reason"] = decision.reason;
    object["created"] = time_of(decision.created);
    object["expires"] = nullptr;
    if (decision.expires) object["expires"] = time_of(*decision.expires);
    if (decision.limit.packets) object["limit"]["packets"] = format_packet_rate(*decision.limit.packets);
    if (decision.limit.bytes) object["limit"]["bytes"] = format_byte_rate(*decision.limit.bytes);
    if (decision.forced) object["forced"] = true;
    if (!decision.actor.empty()) object["actor"] = decision.actor;
    write_((any_ ? ",\n" : "[\n") + object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    any_ = true;
  }
  void finish() override { write_(any_ ? "\n]\n" : "[]\n"); }

 private:
  Write write_;
  bool any_ = false;
};

std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == field.npos && !field.starts_with(' ') && !field.ends_with(' ')) return field;
  std::string text = "\"";
  for (const char c : field) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

class CsvExporter final : public Exporter {
 public:
  explicit CsvExporter(Write write) : write_(std::move(write)) {
    std::string header;
    for (const std::string_view name : kFieldNames) header += (header.empty() ? "" : ",") + std::string(name);
    write_(header + "\n");
  }

  void add(const Decision& decision) override {
    const auto& [packets, bytes] = decision.limit;
    std::string line = std::to_string(decision.id);
    for (const std::string& field :
         {decision.target.to_string(), std::string(to_string(decision.action)), decision.origin, decision.reason,
          time_of(decision.created), decision.expires ? time_of(*decision.expires) : "",
          packets ? format_packet_rate(*packets) : "", bytes ? format_byte_rate(*bytes) : "",
          std::string(decision.forced ? "true" : "false"), decision.actor}) {
      line += "," + quoted(field);
    }
    write_(line + "\n");
  }
  void finish() override {}

 private:
  Write write_;
};

}  // namespace

std::unique_ptr<Exporter> Exporter::create(Format format, WallTime now, Write write) {
  switch (format) {
    case Format::kJson:
      return std::make_unique<JsonExporter>(std::move(write));
    case Format::kCsv:
      return std::make_unique<CsvExporter>(std::move(write));
    case Format::kNft:
      return make_nft_exporter(now, std::move(write));
    case Format::kPlain:
      break;
  }
  return std::make_unique<PlainExporter>(now, std::move(write));
}

}  // namespace tidegate::decisions
