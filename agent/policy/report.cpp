// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/report.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace tidegate::policy {
namespace {

// Length of the well-formed UTF-8 sequence (RFC 3629, section 4) at the front of `text`, or 0.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool surrogate = first == 0xed && byte(1) > 0x9f;
  const bool too_high = first == 0xf4 && byte(1) > 0x8f;
  return overlong || surrogate || too_high ? 0 : length;
}

bool is_control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence.front());
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;  // C1
}

auto order_of(const Issue& issue) {
  const unsigned line = issue.location.line == 0 ? std::numeric_limits<unsigned>::max() : issue.location.line;
  return std::tuple(line, issue.location.column, issue.warning);
}

}  // namespace

std::string to_string(const Location& location) {
  return std::to_string(location.line) + ":" + std::to_string(location.column);
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0 || is_control(sequence)) {
      result += '?';
    } else {
      result += sequence;
    }
    text.remove_prefix(sequence.size());
  }
  return result;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShown = 64;
  if (text.size() <= kShown) return "'" + printable(text) + "'";
  return "'" + printable(text.substr(0, kShown)) + "…'";
}

void Report::error(Location location, std::string_view message) {
  if (++errors_ > kMost) return;
  if (errors_ == kMost) message = "too many errors; those after this are not shown";
  if (issues_.size() >= kMost) {
    const auto warning = std::find_if(issues_.rbegin(), issues_.rend(), [](const Issue& i) { return i.warning; });
    if (warning == issues_.rend()) return;
    issues_.erase(std::next(warning).base());
  }
  issues_.push_back({location, printable(message), false});
}

void Report::warning(Location location, std::string_view message) {
  if (issues_.size() >= kMost) return;
  issues_.push_back({location, printable(message), true});
}

std::vector<Issue> Report::take() && {
  std::stable_sort(issues_.begin(), issues_.end(),
                   [](const Issue& a, const Issue& b) { return order_of(a) < order_of(b); });
  return std::move(issues_);
}

}  // namespace tidegate::policy
