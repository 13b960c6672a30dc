// SPDX-License-Identifier: Apache-2.0
// Far ends that drop what they are sent, each in its own way.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/error.hpp"
#include "tests/bench/link.hpp"
#include "tests/bench/samples.hpp"
#include "tests/bench/test_run.hpp"

namespace tidegate::bench {

struct Receiver {
  std::string name;  // "PROGRAM/TRAFFIC"
  Link link;
  Traffic traffic;
  Subject subject;                              // keeps the program, where there is one
  std::function<std::string()> what = nullptr;  // what happened to the frames since the last call
};

using Receivers = std::vector<std::unique_ptr<Receiver>>;

// What is installed; what is missing is said by emit_skip.
Result<Receivers> all_receivers(const Settings& settings);

}  // namespace tidegate::bench
