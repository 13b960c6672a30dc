// SPDX-License-Identifier: Apache-2.0
#include "cli/top/render.hpp"

#include <algorithm>

#include "cli/command/status_view.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"
#include "cli/format/quantity.hpp"
#include "cli/top/endpoints.hpp"
#include "cli/top/rules.hpp"

namespace tidegate::cli {
namespace {

using Lines = std::vector<Line>;

constexpr std::size_t kMostWarnings = 3;
constexpr std::size_t kMostInterfaces = 4;

std::string left(const std::string& text, std::size_t width) {
  std::string cell = shorten(escape_text(text), width);
  return cell + std::string(width - display_width(cell), ' ');
}

std::string right(const std::string& text, std::size_t width) {
  std::string cell = shorten(escape_text(text), width);
  return std::string(width - display_width(cell), ' ') + cell;
}

std::size_t width_of(const Line& line) {
  std::size_t width = 0;
  for (const Span& span : line) width += display_width(span.text);
  return width;
}

// Cuts a line to the screen.
Line fitted(const Line& line, std::size_t width) {
  Line result;
  for (const Span& span : line) {
    const std::size_t room = width - width_of(result);
    if (room == 0) break;
    result.push_back({shorten(span.text, room), span.paint});
  }
  return result;
}

Line header(const TopView& view, const Clock& clock, std::size_t width) {
  const v1::GetStatusResponse& status = view.response.status();
  const std::string time = to_rfc3339(clock.wall()).substr(11, 8) + " UTC";
  const std::string state = view.paused ? "PAUSED  " + time : time;
  const std::size_t room = width > state.size() + 1 ? width - state.size() - 1 : 0;
  return {{left(headline(status, clock), room) + " ", status.enforcing() ? Paint::kBold : Paint::kYellow},
          {state, view.paused ? Paint::kYellow : Paint::kDim}};
}

void add_warnings(Lines& lines, const TopView& view) {
  const v1::GetStatusResponse& status = view.response.status();
  if (!view.problem.empty()) lines.push_back({{"! " + escape_text(view.problem), Paint::kRed}});
  if (status.has_confirm_by()) {
    lines.push_back(
        {{"! the policy waits for `tidegate policy confirm` until " + to_rfc3339(to_wall_time(status.confirm_by())),
          Paint::kYellow}});
  }
  const auto count = static_cast<std::size_t>(status.warnings_size());
  for (std::size_t i = 0; i < std::min(count, kMostWarnings); ++i) {
    lines.push_back({{"! " + escape_text(status.warnings(static_cast<int>(i))), Paint::kYellow}});
  }
  if (count > kMostWarnings) {
    lines.push_back({{"! and " + std::to_string(count - kMostWarnings) + " more: tidegate status", Paint::kYellow}});
  }
}

struct Sum {
  double packets = 0;
  double bits = 0;
  void add(const v1::Rates& rates) {
    packets += rates.packets_per_second();
    bits += rates.bits_per_second();
  }
};

Line traffic_line(const std::string& name, const Sum& sum, const History& history, Paint paint, std::size_t width) {
  const std::string text =
      left(name, 8) + right(short_count(sum.packets), 8) + " pkt/s" + right(short_bits(sum.bits), 14) + "  ";
  const std::size_t used = display_width(text);
  return {{text, sum.packets >= 1 && paint == Paint::kRed ? Paint::kRed : Paint::kBold},
          {sparkline(history, width > used ? width - used : 0), paint}};
}

void add_totals(Lines& lines, const TopView& view, std::size_t width) {
  Sum passed;
  Sum dropped;
  for (const v1::InterfaceStatus& interface : view.response.status().interfaces()) {
    passed.add(interface.passed_rate());
    dropped.add(interface.dropped_rate());
  }
  lines.push_back(traffic_line("passed", passed, view.total.passed, Paint::kGreen, width));
  lines.push_back(traffic_line("dropped", dropped, view.total.dropped, Paint::kRed, width));
}

Line interface_line(const v1::InterfaceStatus& interface, const TopView& view, std::size_t width) {
  Line line{{left(interface.name(), 12), Paint::kBold}};
  if (!interface.attached()) {
    line.push_back({interface.detached_by_operator() ? "detached by operator: nothing is dropped here"
                                                     : "NOT ATTACHED " + escape_text(interface.problem()),
                    Paint::kRed});
    return line;
  }
  line.push_back({left(interface.mode(), 8)});
  line.push_back({"in " + right(short_count(interface.passed_rate().packets_per_second()), 7) + "/s" +
                      right(short_bits(interface.passed_rate().bits_per_second()), 13) + "  ",
                  Paint::kGreen});
  line.push_back({"drop " + right(short_count(interface.dropped_rate().packets_per_second()), 7) + "/s" +
                      right(short_bits(interface.dropped_rate().bits_per_second()), 13) + "  ",
                  interface.dropped_rate().packets_per_second() >= 1 ? Paint::kRed : Paint::kPlain});
  const auto known = view.interfaces.find(interface.name());
  const std::size_t used = width_of(line);
  if (known != view.interfaces.end() && width > used)
    line.push_back({sparkline(known->second.dropped, width - used), Paint::kRed});
  return line;
}

void add_interfaces(Lines& lines, const TopView& view, std::size_t width) {
  std::size_t shown = 0;
  for (const v1::InterfaceStatus& interface : view.response.status().interfaces()) {
    if (shown++ == kMostInterfaces) break;
    lines.push_back(interface_line(interface, view, width));
  }
}

// Tables beside each other, as many as fit in a line.
void add_tables(Lines& lines, const TopView& view, std::size_t width) {
  constexpr std::size_t cell = 39;
  Line line;
  for (const v1::TableStatus& table : view.response.status().tables()) {
    if (table.capacity() == 0) continue;
    if (!line.empty() && width_of(line) + cell > width) lines.push_back(std::exchange(line, {}));
    const auto entries = static_cast<double>(table.entries());
    const auto capacity = static_cast<double>(table.capacity());
    const Paint paint = entries >= 0.9 * capacity   ? Paint::kRed
                        : entries >= 0.7 * capacity ? Paint::kYellow
                                                    : Paint::kGreen;
    line.push_back({left(table.name(), 12) + " ["});
    line.push_back({bar(entries, capacity, 14), paint});
    line.push_back({"]" + right(percent(table.entries(), table.capacity()), 7) + "   "});
  }
  if (!line.empty()) lines.push_back(line);
}

// Widths of the columns of the list, for a screen width.
struct Columns {
  std::size_t name = 18;
  std::size_t service = 0;
  std::size_t bar = 0;
  std::size_t reason = 0;
  bool bits = false;
  bool total = false;
  bool would = false;  // only while something is in dry-run
};

Columns columns_for(std::size_t width, v1::TopBy by, bool would) {
  Columns columns;
  columns.would = would;
  columns.bits = width >= 110;
  columns.total = width >= 90;
  const std::size_t numbers = 20 + (columns.bits ? 28 : 0) + (columns.total ? 10 : 0) + (would ? 10 : 0);
  std::size_t rest = width > numbers ? width - numbers : 0;
  columns.name = std::clamp<std::size_t>(rest * 2 / 5, 12, by == v1::TOP_BY_SOURCE ? 40 : 30);
  rest -= std::min(rest, columns.name);
  if (by == v1::TOP_BY_SOURCE) columns.service = std::clamp<std::size_t>(rest / 4, 8, 20);
  rest -= std::min(rest, columns.service);
  if (by != v1::TOP_BY_REASON) columns.reason = std::min<std::size_t>(rest, 18);
  rest -= columns.reason;
  columns.bar = rest > 6 ? std::min<std::size_t>(rest - 2, 40) : 0;
  return columns;
}

Line list_header(const Columns& columns, v1::TopBy by) {
  std::string text = left(title_of(by), columns.name);
  if (columns.service > 0) text += left(" SERVICE", columns.service);
  text += right("PASSED/S", 10);
  if (columns.bits) text += right("", 14);
  text += right("DROPPED/S", 10);
  if (columns.bits) text += right("", 14);
  if (columns.would) text += right("WOULD/S", 10);
  if (columns.total) text += right("TOTAL", 10);
  if (columns.bar > 0) text += "  " + std::string(columns.bar, ' ');
  if (columns.reason > 0) text += left(" REASON", columns.reason);
  return {{text, Paint::kBold}};
}

Line list_row(const v1::TopRow& row, const Columns& columns, v1::TopBy by, double most) {
  const bool drops = row.dropped_pps() > 0;
  Line line{{left(name_of(row, by), columns.name)}};
  if (columns.service > 0) line.push_back({left(" " + row.service(), columns.service)});
  line.push_back({right(short_count(row.passed_pps()), 10), Paint::kGreen});
  if (columns.bits) line.push_back({right(short_bits(row.passed_bps()), 14), Paint::kDim});
  line.push_back({right(short_count(row.dropped_pps()), 10), drops ? Paint::kRed : Paint::kPlain});
  if (columns.bits) line.push_back({right(short_bits(row.dropped_bps()), 14), Paint::kDim});
  if (columns.would) line.push_back({right(short_count(row.would_drop_pps()), 10), Paint::kYellow});
  if (columns.total) line.push_back({right(short_count(static_cast<double>(row.dropped_total())), 10)});
  if (columns.bar > 0) line.push_back({"  " + bar(row.dropped_pps(), most, columns.bar), Paint::kRed});
  if (columns.reason > 0) line.push_back({left(" " + row.reason(), columns.reason), Paint::kYellow});
  return line;
}

void add_figures(Lines& lines, const TopView& view, std::size_t width, std::size_t height) {
  const bool rules = view.by == v1::TOP_BY_RULE;
  for (const Line& line : rules ? rule_lines(view.response, width) : endpoint_lines(view.response, width)) {
    if (lines.size() >= height) return;
    lines.push_back(line);
  }
  if (view.response.rows().empty() && lines.size() < height) lines.push_back({{"nothing yet", Paint::kDim}});
}

void add_list(Lines& lines, const TopView& view, std::size_t width, std::size_t height) {
  if (view.by == v1::TOP_BY_ENDPOINT || view.by == v1::TOP_BY_RULE) return add_figures(lines, view, width, height);
  const std::vector<v1::TopRow> rows = sorted_rows(view.response);
  const bool would = std::ranges::any_of(rows, [](const v1::TopRow& row) { return row.would_drop_pps() >= 0.05; });
  const Columns columns = columns_for(width, view.by, would);
  const double most = rows.empty() ? 0 : rows.front().dropped_pps();
  lines.push_back(list_header(columns, view.by));
  for (const v1::TopRow& row : rows) {
    if (lines.size() >= height) return;
    lines.push_back(list_row(row, columns, view.by, most));
  }
  if (rows.empty() && lines.size() < height) lines.push_back({{"nothing yet", Paint::kDim}});
}

Line help_line(const TopView& view, std::size_t width) {
  const bool estimated = std::any_of(view.response.rows().begin(), view.response.rows().end(),
                                     [](const v1::TopRow& row) { return row.estimated(); });
  const std::string keys = " q quit   s by source, service, reason, endpoint, rule   r reset   space " +
                           std::string(view.paused ? "go on" : "pause");
  const std::string note = estimated ? "estimated " : "";
  const std::size_t room = width > note.size() ? width - note.size() : 0;
  return {{left(keys, room) + note, Paint::kDim}};
}

}  // namespace

std::vector<Line> render_top(const TopView& view, const Clock& clock, std::size_t width, std::size_t height) {
  Lines lines{header(view, clock, width)};
  add_warnings(lines, view);
  lines.push_back({});
  add_totals(lines, view, width);
  add_interfaces(lines, view, width);
  if (height >= 16) add_tables(lines, view, width);
  lines.push_back({});
  if (height > 0) add_list(lines, view, width, height - 1);
  lines.resize(height > 0 ? height - 1 : 0);
  if (height > 0) lines.push_back(help_line(view, width));
  for (Line& line : lines) line = fitted(line, width);
  return lines;
}

}  // namespace tidegate::cli
