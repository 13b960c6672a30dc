// SPDX-License-Identifier: Apache-2.0
#include "agent/control/decision_details.hpp"

#include "agent/base/hex.hpp"

namespace tidegate::control {
namespace {

using telemetry::DecisionDetail;
using telemetry::RuleFinding;

std::string text_of(const std::optional<Rate>& rate, std::string (*format)(const Rate&)) {
  return rate ? format(*rate) : std::string();
}

void add_evidence(RuleFinding& to, const behavior::Evidence& from) {
  to.evidence = from.text;
  to.observed = from.observed;
  to.threshold = from.threshold;
  to.estimated = from.estimated;
  to.window = from.window;
  for (const auto& example : from.examples) to.examples.push_back({example.path_template, example.time});
}

std::string outcome_of(const behavior::Finding& finding) {
  if (finding.enforced()) return "enforced";
  if (finding.shadow) return "shadow";
  if (finding.obstacle != behavior::Obstacle::kNone) return std::string(to_string(finding.obstacle));
  return "monitor";
}

}  // namespace

DecisionDetail detail_of(const decisions::Decision& decision, DecisionDetail::Change change) {
  return {.change = change,
          .id = decision.id,
          .action = std::string(to_string(decision.action)),
          .target = decision.target,
          .origin = decision.origin,
          .actor = decision.actor,
          .reason = decision.reason,
          .created = decision.created,
          .expires = decision.expires,
          .packets = text_of(decision.limit.packets, format_packet_rate),
          .bytes = text_of(decision.limit.bytes, format_byte_rate),
          .count = 1,
          .finding = std::nullopt};
}

DecisionDetail summary_of(DecisionDetail::Change change, std::uint64_t count, const std::string& origin,
                          const std::string& actor) {
  DecisionDetail detail;
  detail.change = change;
  detail.origin = origin;
  detail.actor = actor;
  detail.count = count;
  return detail;
}

RuleFinding finding_of(const behavior::Finding& finding) {
  RuleFinding result;
  result.rule = finding.rule;
  result.service = finding.service;
  result.time = finding.time;
  const bool held_back = finding.obstacle != behavior::Obstacle::kNone;
  result.explanation = explain(held_back ? finding.obstacle : finding.source_obstacle);
  add_evidence(result, finding.evidence);
  if (finding.kind == behavior::Finding::Kind::kAlarm) return result;
  result.outcome = outcome_of(finding);
  result.client = {finding.flow.client.address, finding.flow.client.port};
  result.server = {finding.flow.server.address, finding.flow.server.port};
  if (finding.named) result.named = *finding.named;
  result.source = finding.key.source;
  if (finding.key.session) result.session = to_hex(*finding.key.session);
  if (finding.key.account) result.account = to_hex(*finding.key.account);
  result.ja4 = finding.key.ja4;
  result.lasts = finding.duration;
  result.repetition = finding.repetition;
  result.priority = finding.priority;
  return result;
}

DecisionDetail detail_of(const behavior::Finding& finding, DecisionDetail::Change change) {
  DecisionDetail detail;
  detail.change = change;
  detail.finding = finding_of(finding);
  detail.reason = finding.evidence.text;
  if (!finding.rule.empty()) detail.actor = detail.origin = "rule:" + finding.rule;
  if (change == DecisionDetail::Change::kAlarm) return detail;
  detail.action = to_string(finding.action);
  detail.target = finding.target;
  detail.packets = text_of(finding.packets, format_packet_rate);
  detail.bytes = text_of(finding.bytes, format_byte_rate);
  return detail;
}

}  // namespace tidegate::control
