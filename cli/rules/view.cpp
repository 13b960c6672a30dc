// SPDX-License-Identifier: Apache-2.0
#include "cli/rules/view.hpp"

#include "agent/base/hex.hpp"
#include "cli/command/common.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"
#include "cli/format/quantity.hpp"
#include "cli/inspect/summary_json.hpp"
#include "cli/top/rules.hpp"

namespace tidegate::cli {
namespace {

using behavior::Finding;
using behavior::Rule;

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};

std::string condition_text(const Rule& rule) {
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  return std::visit(
      Overloaded{[&](const behavior::CountCondition& c) { return "count " + number(c.count); },
                 [&](const behavior::SumCondition& c) {
                   return std::string(c.requests ? "request_bytes" : "response_bytes") + " over " +
                          format_bytes(c.over);
                 },
                 [&](const behavior::DistinctCondition& c) {
                   return "distinct " + std::string(distinct_info(c.field).name) + " over " + number(c.over);
                 },
                 [&](const behavior::RatioCondition& c) {
                   return "ratio over " + Json(c.over).dump() + " of at least " + number(c.min);
                 },
                 [&](const behavior::WithoutCondition& c) { return "without a step, count " + number(c.count); },
                 [&](const behavior::AfterCondition& c) {
                   return "after " + plural(c.steps.size(), "step") + ", count " + number(c.count);
                 },
                 [&](const behavior::RepeatCondition& c) {
                   return "repeat of " + joined(c.rules, ", ") + ", count " + number(c.count);
                 }},
      rule.when.what);
}

Json rate_or_null(const std::optional<Rate>& rate, std::string (*format)(const Rate&)) {
  return rate ? Json(format(*rate)) : Json(nullptr);
}

Json key_of(const behavior::FindingKey& key) {
  Json document = Json::object();
  if (key.source) document["source"] = key.source->to_string();
  if (key.session) document["session"] = to_hex(*key.session);
  if (key.account) document["account"] = to_hex(*key.account);
  if (!key.ja4.empty()) document["ja4"] = escape_text(key.ja4);
  return document;
}

Json evidence_of(const behavior::Evidence& evidence) {
  Json examples = Json::array();
  for (const auto& example : evidence.examples) {
    examples.push_back({{"template", escape_text(example.path_template)}, {"time", to_rfc3339(example.time, true)}});
  }
  return {{"observed", evidence.observed},
          {"threshold", evidence.threshold},
          {"estimated", evidence.estimated},
          {"within", evidence.window.count() == 0 ? Json(nullptr) : Json(format_duration(evidence.window))},
          {"examples", std::move(examples)}};
}

// "yes", or why not.
std::string verdict_of(const Finding& finding) {
  if (finding.enforced()) return finding.target && !finding.acts_on_source() ? "connections" : "yes";
  if (finding.shadow) return "shadow";
  if (finding.obstacle != behavior::Obstacle::kNone) return std::string(to_string(finding.obstacle));
  return "monitor";
}

}  // namespace

Json document_of(const Rule& rule) {
  return {{"name", rule.name},
          {"service", rule.service ? Json(*rule.service) : Json(nullptr)},
          {"key", behavior::format_key(rule.key)},
          {"condition", condition_text(rule)},
          {"within", format_duration(rule.when.within)},
          {"action", behavior::to_string(rule.then.kind)},
          {"packets", rate_or_null(rule.then.packets, format_packet_rate)},
          {"bytes", rate_or_null(rule.then.bytes, format_byte_rate)},
          {"for", format_duration(rule.then.duration)},
          {"mode", rule.then.shadow ? "shadow" : "enforce"},
          {"priority", rule.priority}};
}

Json document_of(const Finding& finding) {
  const bool alarm = finding.kind == Finding::Kind::kAlarm;
  return {
      {"time", to_rfc3339(finding.time, true)},
      {"kind", alarm ? "alarm" : "decision"},
      {"rule", finding.rule},
      {"service", finding.service},
      {"target", finding.target ? Json(finding.target->to_string()) : Json(nullptr)},
      {"key", key_of(finding.key)},
      {"action", alarm ? Json(nullptr) : Json(behavior::to_string(finding.action))},
      {"packets", rate_or_null(finding.packets, format_packet_rate)},
      {"bytes", rate_or_null(finding.bytes, format_byte_rate)},
      {"for", alarm ? Json(nullptr) : Json(format_duration(finding.duration))},
      {"repetition", finding.repetition},
      {"shadow", finding.shadow},
      {"enforced", finding.enforced()},
      {"connections", finding.blocks_connections && finding.enforced()},
      {"source", finding.acts_on_source()},
      {"source_obstacle",
       finding.source_obstacle == behavior::Obstacle::kNone ? Json(nullptr) : Json(to_string(finding.source_obstacle))},
      {"obstacle", finding.obstacle == behavior::Obstacle::kNone ? Json(nullptr) : Json(to_string(finding.obstacle))},
      {"reason", describe(finding)},
      {"evidence", evidence_of(finding.evidence)}};
}

Json document_of(const Rule& rule, const behavior::RuleStatistics& statistics) {
  return {{"rule", rule.name},
          {"matched", statistics.matched},
          {"fired", statistics.fired},
          {"enforced", statistics.enforced},
          {"suppressed", statistics.suppressed}};
}

void print_rules(std::ostream& out, const Style& style, const std::vector<Rule>& rules) {
  Table table(out, style,
              {{"RULE"},
               {"SERVICE"},
               {"KEY"},
               {"WHEN"},
               {"WITHIN"},
               {"ACTION"},
               {"FOR"},
               {"MODE"},
               {"PRIORITY", Align::kRight}});
  for (const Rule& rule : rules) {
    table.add({rule.name, rule.service.value_or("all"), behavior::format_key(rule.key), condition_text(rule),
               format_duration(rule.when.within), std::string(behavior::to_string(rule.then.kind)),
               format_duration(rule.then.duration), rule.then.shadow ? "shadow" : "enforce",
               std::to_string(rule.priority)});
  }
}

void print_live_rules(std::ostream& out, const Style& style, const std::vector<Rule>& rules,
                      const ::tidegate::v1::RulesStatus& figures) {
  Table table(out, style,
              {{"RULE"},
               {"KEY"},
               {"WHEN"},
               {"WITHIN"},
               {"ACTION"},
               {"MATCHED", Align::kRight},
               {"FIRED", Align::kRight},
               {"ENFORCED", Align::kRight},
               {"HELD BACK"},
               {"SUPPRESSED", Align::kRight},
               {"EVICTED", Align::kRight},
               {"LAST FIRED"}});
  const auto count = [](std::uint64_t number) { return short_count(static_cast<double>(number)); };
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    const ::tidegate::v1::RuleFigures& live = figures.rules(static_cast<int>(i));
    table.add({rule.name,
               behavior::format_key(rule.key),
               condition_text(rule),
               format_duration(rule.when.within),
               rule.then.shadow ? "shadow" : std::string(behavior::to_string(rule.then.kind)),
               count(live.matched()),
               count(live.fired()),
               {count(live.enforced()), live.enforced() > 0 ? Paint::kRed : Paint::kPlain},
               held_back_text(live.held_back()),
               count(live.suppressed()),
               {count(live.evicted()), live.evicted() > 0 ? Paint::kYellow : Paint::kPlain},
               live.has_last_fired() ? to_rfc3339(to_wall_time(live.last_fired())) : "-"});
  }
}

std::unique_ptr<Table> finding_table(std::ostream& out, const Style& style) {
  return std::make_unique<Table>(
      out, style, std::vector<Column>{{"TIME"}, {"RULE"}, {"TARGET"}, {"ACTION"}, {"FOR"}, {"ENFORCED"}, {"REASON"}});
}

Row row_of(const Finding& finding) {
  const bool alarm = finding.kind == Finding::Kind::kAlarm;
  const Cell verdict =
      finding.enforced() ? Cell(verdict_of(finding), Paint::kRed) : Cell(alarm ? "-" : verdict_of(finding));
  return {to_rfc3339(finding.time, true),
          finding.rule.empty() ? "(all)" : finding.rule,
          finding.target ? finding.target->to_string() : "-",
          alarm ? Cell("alarm", Paint::kYellow) : Cell(std::string(behavior::to_string(finding.action))),
          alarm ? "-" : format_duration(finding.duration),
          verdict,
          describe(finding)};
}

void print_totals(std::ostream& out, const behavior::Evaluator& evaluator) {
  const auto& rules = evaluator.rules().rules;
  std::uint64_t silent = 0;
  const auto totals = evaluator.statistics();
  out << '\n' << plural(totals.summaries, "request");
  if (totals.unproven != 0) out << ", " << totals.unproven << " of unproven sources left out";
  out << '\n';
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto& statistics = evaluator.statistics_of(i);
    silent += statistics.fired == 0 ? 1 : 0;
    if (statistics.matched == 0) continue;
    out << rules[i].name << ": " << statistics.matched << " matched, " << plural(statistics.fired, "decision") << ", "
        << statistics.enforced << " would be enforced\n";
  }
  if (silent != 0) out << plural(silent, "rule") << " would have decided nothing\n";
}

}  // namespace tidegate::cli
