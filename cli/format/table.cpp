// SPDX-License-Identifier: Apache-2.0
#include "cli/format/table.hpp"

#include <algorithm>
#include <utility>

#include "cli/format/escape.hpp"

namespace tidegate::cli {

Table::Table(std::ostream& out, const Style& style, std::vector<Column> columns)
    : out_(out), style_(style), columns_(std::move(columns)) {
  for (const Column& column : columns_) widths_.push_back(display_width(column.title));
}

void Table::add(Row row) {
  for (Cell& cell : row) cell.text = escape_text(cell.text);
  if (started_) {
    print(row);
    return;
  }
  held_.push_back(std::move(row));
  if (held_.size() == kSettledBy) flush();
}

void Table::begin() {
  if (std::exchange(started_, true)) return;
  for (const Row& row : held_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], display_width(row[i].text));
  }
  Row titles;
  for (const Column& column : columns_) titles.emplace_back(column.title, Paint::kBold);
  print(titles);
}

void Table::finish() {
  begin();
  flush();
}

void Table::flush() {
  if (held_.empty()) return;
  begin();
  for (const Row& row : held_) print(row);
  held_.clear();
}

void Table::print(const Row& row) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::size_t width = display_width(row[i].text);
    const std::string padding(width < widths_[i] ? widths_[i] - width : 0, ' ');
    const std::string text = style_.paint(row[i].paint, row[i].text);
    const bool last = i + 1 == row.size();
    if (columns_[i].align == Align::kRight) {
      line += padding + text;
    } else {
      line += last ? text : text + padding;
    }
    if (!last) line += "  ";
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out_ << line << '\n';
}

}  // namespace tidegate::cli
