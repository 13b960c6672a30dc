// SPDX-License-Identifier: Apache-2.0
// Collects what is wrong with a file, in words that may be shown anywhere.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/policy/model.hpp"

namespace tidegate::policy {

// "12:5"
std::string to_string(const Location& location);

// Foreign text made safe for one line of valid UTF-8: control characters and broken sequences become '?'.
std::string printable(std::string_view text);

// 'text' in quotes, cut to 64 bytes.
std::string in_quotes(std::string_view text);

// Not thread-safe.
class Report {
 public:
  static constexpr std::size_t kMost = 100;

  // From the kMost-th on, issues are dropped and the last one says so. An error is never dropped for a warning.
  void error(Location location, std::string_view message);
  void warning(Location location, std::string_view message);

  bool failed() const { return errors_ != 0; }
  bool full() const { return errors_ >= kMost; }
  // Sorted by location, those without one last; errors before warnings of the same place.
  std::vector<Issue> take() &&;

 private:
  std::vector<Issue> issues_;
  std::size_t errors_ = 0;
};

}  // namespace tidegate::policy
