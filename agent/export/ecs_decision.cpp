// SPDX-License-Identifier: Apache-2.0
#include "agent/export/ecs_decision.hpp"

#include "agent/base/units.hpp"

namespace tidegate::exports {
namespace {

using telemetry::DecisionDetail;
using telemetry::RuleFinding;
using Change = DecisionDetail::Change;

// Behind a proxy whoever sits before it can enforce what this host cannot.
constexpr std::string_view kElsewhere = "trusted_proxy";

std::string_view outcome_of(const DecisionDetail& detail) {
  if (detail.change == Change::kRefused) return "failure";
  if (detail.change != Change::kReported || !detail.finding) return "success";
  const std::string& outcome = detail.finding->outcome;
  if (outcome == "monitor") return "success";
  return outcome == "shadow" || outcome == kElsewhere ? "unknown" : "failure";
}

void add_kind(Json& root, const DecisionDetail& detail) {
  const bool enforced = detail.change == Change::kMade || detail.change == Change::kImported;
  if (detail.finding) {
    const bool alarm = detail.change == Change::kAlarm;
    put_kind(root, "alert", {"intrusion_detection", "network"}, {alarm ? "info" : enforced ? "denied" : "allowed"});
  } else {
    put_kind(root, "event", {"configuration", "network"}, {enforced ? "creation" : "deletion"});
  }
  const std::string action = detail.action.empty() ? "decision" : detail.action;
  root["event"]["action"] = enforced || detail.change == Change::kReported || detail.change == Change::kRefused
                                ? action
                                : action + "-" + std::string(to_string(detail.change));
  root["event"]["outcome"] = outcome_of(detail);
  if (!detail.reason.empty()) root["event"]["reason"] = detail.reason;
}

// From when it holds until when, and for how long in nanoseconds.
void add_times(Json& root, const DecisionDetail& detail) {
  Json& event = root["event"];
  const auto begin = detail.created                                      ? detail.created
                     : detail.finding && detail.change != Change::kAlarm ? std::optional(detail.finding->time)
                                                                         : std::nullopt;
  if (begin) event["start"] = to_rfc3339(*begin, true);
  auto end = detail.expires;
  if (!end && begin && detail.finding && detail.finding->lasts.count() > 0) end = *begin + detail.finding->lasts;
  if (end) event["end"] = to_rfc3339(*end, true);
  if (begin && end && *end >= *begin)
    event["duration"] = std::chrono::duration_cast<std::chrono::nanoseconds>(*end - *begin).count();
}

// Who it is about: source.address is what the decision is for, maybe a network; source.ip the one address that was
// seen, behind a trusted proxy the one that it named.
void add_source(Json& root, const DecisionDetail& detail) {
  std::optional<Prefix> source = detail.target;
  if (!source && detail.finding) source = detail.finding->source;
  Address seen;
  if (source && source->is_host()) seen = source->address;
  if (const auto& finding = detail.finding) {
    const bool proxied = finding->named != Address{};
    seen = proxied ? finding->named : finding->client.address;
    put_endpoint(root, "source", seen, proxied ? std::uint16_t{0} : finding->client.port);
    put_endpoint(root, "destination", finding->server.address, finding->server.port);
    put_related(root, {seen, finding->client.address, finding->server.address});
  } else if (seen != Address{}) {
    put_endpoint(root, "source", seen, 0);
    put_related(root, {seen});
  }
  if (source) root["source"]["address"] = source->to_string();
}

Json evidence_of(const RuleFinding& finding) {
  Json examples = Json::array();
  for (const auto& example : finding.examples)
    examples.push_back({{"path_template", example.path_template}, {"time", to_rfc3339(example.time, true)}});
  Json evidence{{"observed", finding.observed}, {"threshold", finding.threshold}, {"estimated", finding.estimated}};
  if (finding.window.count() > 0) evidence["window_seconds"] = finding.window.count();
  evidence["examples"] = std::move(examples);
  return evidence;
}

Json key_of(const RuleFinding& finding) {
  Json key = Json::object();
  if (finding.source) key["source"] = finding.source->to_string();
  if (!finding.session.empty()) key["session"] = finding.session;
  if (!finding.account.empty()) key["account"] = finding.account;
  if (!finding.ja4.empty()) key["ja4"] = finding.ja4;
  return key;
}

void add_finding(Json& root, const RuleFinding& finding) {
  if (!finding.rule.empty()) {
    root["rule"] = {{"name", finding.rule}, {"id", finding.rule}, {"category", "behaviour"}, {"ruleset", "tidegate"}};
  }
  if (!finding.service.empty()) root["service"] = {{"name", finding.service}};
  if (finding.server.address != Address{}) {
    root["network"] = {
        {"transport", "tcp"}, {"protocol", "http"}, {"type", finding.server.address.is_v4() ? "ipv4" : "ipv6"}};
  }
  Json& own = root["tidegate"];
  if (!finding.outcome.empty()) own["outcome"] = finding.outcome;
  if (!finding.explanation.empty()) own["explanation"] = finding.explanation;
  // What somebody else can enforce: the client that the proxy named is in source.ip.
  own["exported"] = finding.outcome == kElsewhere;
  if (finding.named != Address{}) own["proxy"] = finding.client.address.to_string();
  own["repetition"] = finding.repetition;
  own["priority"] = finding.priority;
  own["key"] = key_of(finding);
  own["evidence"] = evidence_of(finding);
}

}  // namespace

void add_decision(Json& root, const DecisionDetail& detail) {
  add_kind(root, detail);
  add_times(root, detail);
  add_source(root, detail);
  Json& own = root["tidegate"];
  own["change"] = to_string(detail.change);
  own["enforced"] = detail.change == Change::kMade || detail.change == Change::kImported;
  if (detail.id != 0) own["decision_id"] = detail.id;
  if (!detail.origin.empty()) own["origin"] = detail.origin;
  if (!detail.actor.empty()) own["actor"] = detail.actor;
  if (detail.target) own["target"] = detail.target->to_string();
  if (!detail.packets.empty()) own["limit"]["packets"] = detail.packets;
  if (!detail.bytes.empty()) own["limit"]["bytes"] = detail.bytes;
  if (detail.count != 1) own["count"] = detail.count;
  if (detail.finding) add_finding(root, *detail.finding);
}

}  // namespace tidegate::exports
