// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <string>

namespace tidegate::cli {

// What one value was in each of the last seconds, newest last.
class History {
 public:
  static constexpr std::size_t kMost = 300;

  void add(double value) {
    values_.push_back(value);
    if (values_.size() > kMost) values_.pop_front();
  }
  const std::deque<double>& values() const { return values_; }

 private:
  std::deque<double> values_;
};

// The last `width` values as "▁▂▃▄▅▆▇█", scaled to the highest shown, right-aligned; a second with nothing is a blank.
std::string sparkline(const History& history, std::size_t width);

// `part` of `whole` as `width` cells of eighths: "███▌    ".
std::string bar(double part, double whole, std::size_t width);

}  // namespace tidegate::cli
