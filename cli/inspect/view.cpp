// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect/view.hpp"

#include "cli/command/common.hpp"
#include "cli/format/escape.hpp"
#include "cli/format/quantity.hpp"
#include "cli/format/table.hpp"
#include "cli/format/yaml.hpp"
#include "cli/inspect/summary_json.hpp"

namespace tidegate::cli {
namespace {

using inspect::Counter;
using inspect::Summary;
using inspect::SummaryKind;

// JSON, a line each; YAML, a document each, by way of the same text.
class LinesView final : public RequestView {
 public:
  LinesView(std::ostream& out, bool yaml, bool events, behavior::OperationNames operations)
      : out_(out), yaml_(yaml), events_(events), json_(events, std::move(operations)) {}

  void add(const Summary& summary) override {
    if (!events_ && summary.kind != SummaryKind::kRequest) return;
    json_.append(text_, summary);
    if (yaml_) {
      out_ << "---\n" << to_yaml(Json::parse(text_));
      text_.clear();
    }
    if (text_.size() >= kChunk) write();
  }
  void flush() override {
    write();
    out_.flush();
  }

 private:
  static constexpr std::size_t kChunk = 64 << 10;
  void write() {
    out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
    text_.clear();
  }

  std::ostream& out_;
  bool yaml_;
  bool events_;
  SummaryJson json_;
  std::string text_;
};

std::string endpoint_text(const inspect::Endpoint& endpoint) {
  const std::string address = endpoint.address.to_string();
  return (endpoint.address.is_v4() ? address : "[" + address + "]") + ":" + std::to_string(endpoint.port);
}

Cell status_cell(const Summary& summary) {
  if (!summary.status) return {"-", Paint::kYellow};
  const Paint paint = *summary.status >= 500 ? Paint::kRed : *summary.status >= 400 ? Paint::kYellow : Paint::kPlain;
  return {std::to_string(*summary.status), paint};
}

std::string protocol_text(const Summary& summary) {
  if (summary.kind == SummaryKind::kHandshake) return "TLS " + std::string(tls_text(summary.connection.tls));
  const std::string_view tls = tls_text(summary.connection.tls);
  return "HTTP/" + std::string(http_text(summary.http)) + (tls.empty() ? "" : " TLS " + std::string(tls));
}

std::string joined_words(const std::string& a, const std::string& b) {
  return a + (a.empty() || b.empty() ? "" : " ") + b;
}

// "(stalled)", "(payload: sqli)"; nothing of a request.
std::string kind_cell(const Summary& summary) {
  if (summary.kind == SummaryKind::kRequest) return "";
  std::vector<std::string> attacks;
  for (const behavior::FlagInfo& flag : behavior::flags_of(behavior::Field::kAttack)) {
    if ((summary.attacks & flag.bit) != 0) attacks.emplace_back(flag.name);
  }
  return "(" + std::string(kind_text(summary.kind)) + (attacks.empty() ? "" : ": " + joined(attacks, " ")) + ")";
}

class TableView final : public RequestView {
 public:
  TableView(std::ostream& out, const Style& style, bool events)
      : events_(events),
        table_(out, style,
               {{"TIME"},
                {"CLIENT"},
                {"PROTOCOL"},
                {"METHOD"},
                {"HOST"},
                {"PATH"},
                {"STATUS", Align::kRight},
                {"SENT", Align::kRight},
                {"RECEIVED", Align::kRight},
                {"MS", Align::kRight}}) {}

  void add(const Summary& summary) override {
    constexpr std::size_t kWidth = 60;
    if (!events_ && summary.kind != SummaryKind::kRequest) return;
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(summary.duration);
    table_.add({to_rfc3339(summary.began, true), endpoint_text(summary.connection.flow.client), protocol_text(summary),
                joined_words(summary.method, kind_cell(summary)), shorten(summary.host, kWidth),
                shorten(summary.path, kWidth), status_cell(summary), short_bytes(summary.request_bytes),
                short_bytes(summary.response_bytes), std::to_string(milliseconds.count())});
  }
  void flush() override { table_.flush(); }

 private:
  bool events_;
  Table table_;
};

}  // namespace

std::unique_ptr<RequestView> make_request_view(std::ostream& out, const Style& style, Format format, bool events,
                                               behavior::OperationNames operations) {
  if (format == Format::kTable) return std::make_unique<TableView>(out, style, events);
  return std::make_unique<LinesView>(out, format == Format::kYaml, events, std::move(operations));
}

Json statistics_of(const inspect::Counters& counters) {
  return {{"connections", counters.of(Counter::kConnections)},
          {"decrypted", counters.of(Counter::kDecrypted)},
          {"no_key", counters.of(Counter::kNoKey)},
          {"unsupported_cipher", counters.of(Counter::kUnsupportedCipher)},
          {"mid_stream", counters.of(Counter::kMidStream)},
          {"lossy", counters.of(Counter::kLossy)},
          {"requests", counters.of(Counter::kRequests)},
          {"bytes", counters.of(Counter::kPayloadBytes)},
          {"packets", counters.of(Counter::kPackets)},
          {"cleartext", counters.of(Counter::kCleartext)},
          {"not_http", counters.of(Counter::kNotHttp)},
          {"lost_bytes", counters.of(Counter::kLostBytes)},
          {"requests_unfinished", counters.of(Counter::kRequestsUnfinished)},
          {"malformed_packets", counters.of(Counter::kMalformedPackets)},
          {"malformed_tls", counters.of(Counter::kMalformedTls)},
          {"malformed_http", counters.of(Counter::kMalformedHttp)},
          {"decrypt_failures", counters.of(Counter::kDecryptFailed)},
          {"payloads_examined", counters.of(Counter::kPayloadsExamined)},
          {"payloads_found", counters.of(Counter::kPayloadsFound)},
          {"payloads_cut", counters.of(Counter::kPayloadsCut)},
          {"payloads_dropped", counters.of(Counter::kPayloadsDropped)},
          {"payloads_failed", counters.of(Counter::kPayloadsFailed)},
          {"payloads_slow", counters.of(Counter::kPayloadsSlow)}};
}

void print_statistics(std::ostream& out, Format format, const inspect::Counters& counters) {
  const Json statistics = statistics_of(counters);
  switch (format) {
    case Format::kJson:
      out << statistics.dump() << '\n';
      break;
    case Format::kYaml:
      out << "---\n" << to_yaml(statistics);
      break;
    case Format::kTable:
      out << '\n';
      for (const auto& [name, value] : statistics.items()) {
        if (value != 0) out << name << ": " << value << '\n';
      }
      break;
  }
}

std::string blindness_of(const inspect::Counters& counters) {
  std::vector<std::string> parts;
  const auto add = [&](Counter counter, const std::string& noun, const std::string& what) {
    if (counters.of(counter) > 0) parts.push_back(plural(counters.of(counter), noun) + " " + what);
  };
  add(Counter::kNoKey, "TLS connection", "without keys");
  add(Counter::kUnsupportedCipher, "TLS connection", "with an unsupported version or cipher");
  add(Counter::kMidStream, "connection", "whose beginning is not in the capture");
  add(Counter::kLossy, "connection", "with bytes missing");
  add(Counter::kNotHttp, "connection", "that is not HTTP");
  add(Counter::kPayloadsCut, "payload", "examined in part only");
  add(Counter::kPayloadsDropped, "payload", "not examined");
  add(Counter::kPayloadsFailed, "payload", "whose examination broke off");
  add(Counter::kPayloadsSlow, "payload", "whose examination took too long and was given up");
  return joined(parts, "; ");
}

}  // namespace tidegate::cli
