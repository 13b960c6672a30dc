// SPDX-License-Identifier: Apache-2.0
// Aligned columns. Cells are escaped here, so that no command can forget it.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "cli/format/style.hpp"

namespace tidegate::cli {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

struct Cell {
  std::string text;
  Paint paint = Paint::kPlain;

  // NOLINTBEGIN(google-explicit-constructor): rows read as lists of texts
  Cell(std::string t, Paint p = Paint::kPlain) : text(std::move(t)), paint(p) {}
  Cell(const char* t, Paint p = Paint::kPlain) : text(t), paint(p) {}
  // NOLINTEND(google-explicit-constructor)
};

using Row = std::vector<Cell>;

// Prints rows as they come. Widths are settled by the first rows; later cells that are wider push their line to the
// right rather than being cut.
class Table {
 public:
  Table(std::ostream& out, const Style& style, std::vector<Column> columns);
  ~Table() { finish(); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  void add(Row row);
  // Prints what is still held, and settles the widths by it.
  void flush();
  // Likewise, when all rows are there: prints the header even where there are none.
  void finish();

 private:
  static constexpr std::size_t kSettledBy = 512;

  void begin();
  void print(const Row& row);

  std::ostream& out_;
  const Style& style_;
  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::vector<Row> held_;
  bool started_ = false;
};

}  // namespace tidegate::cli
