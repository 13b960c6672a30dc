// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/environment.hpp"

namespace tidegate::cli {

// A bar on stderr while long work runs; nothing where stderr is no terminal.
class Progress {
 public:
  // `total` 0: unknown, only the amount is shown.
  Progress(Environment& environment, std::string what, std::uint64_t total);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void at(std::uint64_t done);
  void clear();  // before anything else is printed

 private:
  Environment& environment_;
  std::string what_;
  std::uint64_t total_;
  std::chrono::nanoseconds next_{0};
  bool shown_ = false;
};

// "[████████░░░░░░░░]", `width` cells inside.
std::string progress_bar(std::uint64_t done, std::uint64_t total, std::size_t width);

}  // namespace tidegate::cli
