// SPDX-License-Identifier: Apache-2.0
#include "cli/format/documents.hpp"

#include <cmath>

namespace tidegate::cli {
namespace {

constexpr std::int64_t kLatestSecond = 9'000'000'000;  // fits nanoseconds in 64 bits

void add_traffic(Json& document, const std::string& name, const v1::Traffic& traffic) {
  document[name] = traffic.packets();
  document[name + "_bytes"] = traffic.bytes();
}

void add_rates(Json& document, const std::string& name, const v1::Rates& rates) {
  document[name + "_pps"] = rounded(rates.packets_per_second());
  document[name + "_bps"] = rounded(rates.bits_per_second());
}

Json document_of(const v1::CounterRow& row) {
  Json document{{"name", row.name()}};
  add_traffic(document, "passed", row.passed());
  add_traffic(document, "dropped", row.dropped());
  add_traffic(document, "would_drop", row.would_drop());
  add_rates(document, "passed", row.passed_rate());
  add_rates(document, "dropped", row.dropped_rate());
  return document;
}

Json document_of(const v1::TableStatus& table) {
  return {{"name", table.name()},
          {"entries", table.entries()},
          {"capacity", table.capacity()},
          {"memory_bytes", table.memory_bytes()}};
}

Json document_of(const v1::FeatureStatus& feature) {
  return {{"name", feature.name()}, {"available", feature.available()}, {"consequence", feature.consequence()}};
}

Json document_of(const v1::FaultCount& fault) { return {{"name", fault.name()}, {"count", fault.count()}}; }

Json document_of(const v1::ExportStatus& exported) {
  return {{"kind", exported.kind()},
          {"path", exported.path()},
          {"written", exported.written()},
          {"lost", exported.lost()},
          {"problem", text_or_null(exported.problem())}};
}

Json document_of(const v1::AgeStatus& age) { return {{"name", age.name()}, {"seconds", age.age().seconds()}}; }

Json document_of(const v1::WhyMatch& match) {
  return {{"kind", match.kind()},
          {"origin", match.origin()},
          {"target", match.target()},
          {"reason", match.reason()},
          {"evidence", match.evidence()},
          {"expires", time_or_null(match.has_expires(), match.expires())},
          {"packets", match.packets()},
          {"bytes", match.bytes()},
          {"undo", text_or_null(match.undo())}};
}

template <typename Texts>
Json list_of(const Texts& texts) {
  Json list = Json::array();
  for (const auto& text : texts) list.push_back(text);
  return list;
}

}  // namespace

// A tenth is more than an estimate deserves, and keeps documents short.
double rounded(double value) { return std::isfinite(value) ? std::round(value * 10) / 10 : 0; }

WallTime to_wall_time(const google::protobuf::Timestamp& time) {
  const std::int64_t seconds = std::clamp<std::int64_t>(time.seconds(), -kLatestSecond, kLatestSecond);
  return WallTime{std::chrono::seconds(seconds) + std::chrono::nanoseconds(time.nanos())};
}

google::protobuf::Duration to_duration(std::chrono::seconds duration) {
  google::protobuf::Duration message;
  message.set_seconds(duration.count());
  return message;
}

std::string action_name(v1::Action action) {
  switch (action) {
    case v1::ACTION_BLOCK:
      return "block";
    case v1::ACTION_LIMIT:
      return "limit";
    case v1::ACTION_MONITOR:
      return "monitor";
    default:
      return "unknown";
  }
}

Json time_or_null(bool has, const google::protobuf::Timestamp& time) {
  return has ? Json(to_rfc3339(to_wall_time(time))) : Json(nullptr);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json document_of(const v1::Decision& decision) {
  Json document{{"id", decision.id()},
                {"target", decision.target()},
                {"action", action_name(decision.action())},
                {"origin", decision.origin()},
                {"reason", decision.reason()},
                {"created", time_or_null(decision.has_created(), decision.created())},
                {"expires", time_or_null(decision.has_expires(), decision.expires())}};
  if (decision.has_limit()) {
    document["limit"] = {{"packets", text_or_null(decision.limit().packets())},
                         {"bytes", text_or_null(decision.limit().bytes())}};
  }
  if (decision.has_identity()) {
    const v1::Identity& identity = decision.identity();
    document["service"] = text_or_null(identity.service());
    document["connections"] = list_of(identity.connections());
    document["connections_blocked"] = identity.connections_blocked();
    document["behind_proxy"] = identity.behind_proxy();
  }
  document["forced"] = decision.forced();
  document["actor"] = decision.actor();
  return document;
}

Json document_of(const v1::SafelistEntry& entry) {
  return {{"target", entry.target()},   {"origin", entry.origin()},
          {"ceiling", entry.ceiling()}, {"interface", text_or_null(entry.interface())},
          {"reason", entry.reason()},   {"created", time_or_null(entry.has_created(), entry.created())}};
}

Json document_of(const v1::PolicyIssue& issue) {
  return {{"line", issue.line()},
          {"column", issue.column()},
          {"severity", issue.warning() ? "warning" : "error"},
          {"message", issue.message()}};
}

Json document_of(const v1::PolicyChange& change) {
  const bool added = change.kind() == v1::PolicyChange::ADDED;
  const bool removed = change.kind() == v1::PolicyChange::REMOVED;
  return {{"kind", added     ? "added"
                   : removed ? "removed"
                             : "changed"},
          {"path", change.path()},
          {"before", added ? Json(nullptr) : Json(change.before())},
          {"after", removed ? Json(nullptr) : Json(change.after())}};
}

Json document_of(const v1::PolicyGeneration& generation) {
  return {{"generation", generation.generation()},
          {"applied", time_or_null(generation.has_applied(), generation.applied())},
          {"actor", generation.actor()},
          {"comment", generation.comment()},
          {"active", generation.active()},
          {"confirm_by", time_or_null(generation.has_confirm_by(), generation.confirm_by())}};
}

Json document_of(const v1::ApplyPolicyResponse& applied) {
  return {{"generation", applied.generation()},
          {"changes", documents_of(applied.changes())},
          {"issues", documents_of(applied.issues())},
          {"not_enforced", list_of(applied.not_enforced())},
          {"confirm_by", time_or_null(applied.has_confirm_by(), applied.confirm_by())}};
}

Json document_of(const v1::WhyResponse& why) {
  Json matches = Json::array();
  for (const v1::WhyMatch& match : why.matches()) matches.push_back(document_of(match));
  return {{"address", why.address()},
          {"verdict", why.verdict()},
          {"summary", why.summary()},
          {"matches", std::move(matches)},
          {"estimated", why.estimated()}};
}

Json document_of(const v1::TopRow& row) {
  if (row.has_endpoint()) return document_of(row.service(), row.endpoint());
  if (row.has_rule()) return document_of(row.rule());
  return {{"source", text_or_null(row.source())},
          {"service", text_or_null(row.service())},
          {"passed_pps", rounded(row.passed_pps())},
          {"dropped_pps", rounded(row.dropped_pps())},
          {"passed_bps", rounded(row.passed_bps())},
          {"dropped_bps", rounded(row.dropped_bps())},
          {"dropped_total", row.dropped_total()},
          {"would_drop_pps", rounded(row.would_drop_pps())},
          {"reason", text_or_null(row.reason())},
          {"verdict", text_or_null(row.verdict())},
          {"estimated", row.estimated()}};
}

Json document_of(const v1::InterfaceStatus& interface) {
  Json document{{"name", interface.name()},
                {"mode", interface.mode()},
                {"attached", interface.attached()},
                {"detached_by_operator", interface.detached_by_operator()}};
  add_traffic(document, "passed", interface.passed());
  add_traffic(document, "dropped", interface.dropped());
  add_rates(document, "passed", interface.passed_rate());
  add_rates(document, "dropped", interface.dropped_rate());
  document["problem"] = text_or_null(interface.problem());
  return document;
}

Json document_of(const v1::GetStatusResponse& status) {
  Json document{{"version", status.version()},
                {"policy_generation", status.policy_generation()},
                {"enforcing", status.enforcing()},
                {"started", time_or_null(status.has_started(), status.started())},
                {"confirm_by", time_or_null(status.has_confirm_by(), status.confirm_by())},
                {"warnings", list_of(status.warnings())},
                {"interfaces", documents_of(status.interfaces())}};
  const auto add = [&document](const char* name, const auto& messages) {
    Json list = Json::array();
    for (const auto& message : messages) list.push_back(document_of(message));
    document[name] = std::move(list);
  };
  add("services", status.services());
  add("reasons", status.reasons());
  add("tables", status.tables());
  document["inspector"] = document_of(status.inspector());
  document["rules"] = document_of(status.rules());
  add("features", status.features());
  add("faults", status.faults());
  add("ages", status.ages());
  add("exports", status.exports());
  document["not_enforced"] = list_of(status.not_enforced());
  document["decisions"] = status.decisions();
  document["tables_memory_bytes"] = status.tables_memory_bytes();
  document["agent_memory_bytes"] = status.agent_memory_bytes();
  return document;
}

}  // namespace tidegate::cli
