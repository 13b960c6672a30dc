// SPDX-License-Identifier: Apache-2.0
#include "cli/top/rules.hpp"

#include <algorithm>

#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"
#include "cli/format/quantity.hpp"
#include "cli/format/table.hpp"

namespace tidegate::cli {
namespace {

using ::tidegate::v1::RuleFigures;
using ::tidegate::v1::TopRow;

constexpr std::size_t kRuleNumbers = 9 + 9 + 9 + 10;
constexpr std::size_t kRuleAction = 9;

std::string rule_cell(const std::string& text, std::size_t width, bool right) {
  const std::string shown = shorten(escape_text(text), width);
  const std::string blanks(width - display_width(shown), ' ');
  return right ? blanks + shown : shown + blanks;
}

std::string rule_count(std::uint64_t number) { return short_count(static_cast<double>(number)); }

std::string action_of(const RuleFigures& rule) { return rule.shadow() ? "shadow" : rule.action(); }

Line rule_header(std::size_t name) {
  return {{rule_cell("RULE", name, false) + rule_cell(" ACTION", kRuleAction, false) + rule_cell("REQ/S", 9, true) +
               rule_cell("FIRED/S", 9, true) + rule_cell("FIRED", 9, true) + rule_cell("ENFORCED", 10, true) +
               " HELD BACK",
           Paint::kBold}};
}

Line rule_row(const RuleFigures& rule, std::size_t name) {
  return {{rule_cell(rule.name(), name, false)},
          {rule_cell(" " + action_of(rule), kRuleAction, false), Paint::kDim},
          {rule_cell(short_count(rule.matched_per_second()), 9, true), Paint::kGreen},
          {rule_cell(short_count(rule.fired_per_second()), 9, true)},
          {rule_cell(rule_count(rule.fired()), 9, true)},
          {rule_cell(rule_count(rule.enforced()), 10, true), rule.enforced() > 0 ? Paint::kRed : Paint::kPlain},
          {" " + escape_text(held_back_text(rule.held_back())), Paint::kYellow}};
}

}  // namespace

std::vector<Line> rule_lines(const ::tidegate::v1::TopResponse& response, std::size_t width) {
  const std::size_t numbers = kRuleNumbers + kRuleAction;
  const std::size_t name = std::clamp<std::size_t>(width > numbers ? (width - numbers) * 2 / 3 : 0, 12, 40);
  std::vector<Line> lines{rule_header(name)};
  for (const TopRow& row : response.rows()) lines.push_back(rule_row(row.rule(), name));
  return lines;
}

void print_top_rules(std::ostream& out, const Style& style, const ::tidegate::v1::TopResponse& response) {
  Table table(out, style,
              {{"RULE"},
               {"ACTION"},
               {"REQ/S", Align::kRight},
               {"REQUESTS", Align::kRight},
               {"FIRED/S", Align::kRight},
               {"FIRED", Align::kRight},
               {"ENFORCED", Align::kRight},
               {"HELD BACK"},
               {"LAST FIRED"}});
  for (const TopRow& row : response.rows()) {
    const RuleFigures& rule = row.rule();
    table.add({rule.name(),
               action_of(rule),
               short_count(rule.matched_per_second()),
               rule_count(rule.matched()),
               short_count(rule.fired_per_second()),
               rule_count(rule.fired()),
               {rule_count(rule.enforced()), rule.enforced() > 0 ? Paint::kRed : Paint::kPlain},
               held_back_text(rule.held_back()),
               rule.has_last_fired() ? to_rfc3339(to_wall_time(rule.last_fired())) : "-"});
  }
}

}  // namespace tidegate::cli
