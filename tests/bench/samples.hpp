// SPDX-License-Identifier: Apache-2.0
// Samples leave the programs as JSON lines on standard output; tests/bench/report makes sense of them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "agent/base/error.hpp"

namespace tidegate::bench {

using Field = std::pair<std::string_view, std::variant<double, std::int64_t, std::string>>;

// {"kind": …, fields …}, one line, flushed.
void emit(std::string_view kind, std::initializer_list<Field> fields);

// A case that could not be measured, and why; the report states it.
void emit_skip(std::string_view bench, std::string_view name, std::string_view why);

struct Settings {
  unsigned rounds = 7;
  double milliseconds = 100;  // a sample
  unsigned cpu = 1;
  bool quick = false;
  std::string only;  // part of a case's name; empty: all
};

// The main() of every benchmark: settings from --rounds N, --ms N, --cpu N, --only TEXT, --quick (2 on wrong usage),
// then `run`; its error is one line.
int run_bench(int argc, char** argv, Status (*run)(const Settings&));

}  // namespace tidegate::bench
