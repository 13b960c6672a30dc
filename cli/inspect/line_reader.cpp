// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect/line_reader.hpp"

#include <algorithm>

namespace tidegate::cli {

bool LineReader::fill() {
  in_.read(chunk_.data(), static_cast<std::streamsize>(chunk_.size()));
  left_ = {chunk_.data(), static_cast<std::size_t>(in_.gcount())};
  bytes_ += left_.size();
  return !left_.empty();
}

bool LineReader::next(std::string& line) {
  line.clear();
  too_long_ = false;
  if (left_.empty() && !fill()) return false;
  ++number_;
  for (;;) {
    const std::size_t end = left_.find('\n');
    const std::string_view part = left_.substr(0, end);
    line += part.substr(0, most_ - line.size());
    too_long_ = too_long_ || line.size() == most_;
    left_.remove_prefix(end == left_.npos ? left_.size() : end + 1);
    if (end != part.npos || !fill()) break;
  }
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

}  // namespace tidegate::cli
