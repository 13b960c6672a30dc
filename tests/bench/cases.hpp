// SPDX-License-Identifier: Apache-2.0
// Which programs are compared under which traffic.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/error.hpp"
#include "tests/bench/samples.hpp"
#include "tests/bench/test_run.hpp"

namespace tidegate::bench {

struct Case {
  std::string name;  // "PROGRAM/TRAFFIC", as in tests/bench/report/targets.py
  Subject subject;
  Traffic traffic;
  std::optional<std::uint32_t> verdict = std::nullopt;  // every packet must end so
  std::function<Status()> before = nullptr;             // each time before a sample
  std::function<std::string()> after = nullptr;         // what happened to the packets, for the record
};

// The cases of every program that is there; what is missing is said by emit_skip.
Result<std::vector<Case>> all_cases(const Settings& settings);

}  // namespace tidegate::bench
