// SPDX-License-Identifier: Apache-2.0
// What the regular expressions of the rules may cost. libmodsecurity 3.0.9 reads SecPcreMatchLimit and does not heed
// it, so that PCRE's own bound of ten million steps holds for each of hundreds of matches: 32 kB of "${" kept it busy
// for nine minutes. This program therefore defines pcre2_match_8 and pcre2_jit_match_8 before PCRE2's own, which they
// call with bounds (docs/adr/0011-payloads.md).
#pragma once

#include <chrono>
#include <cstdint>

namespace tidegate::payload {

// Of one match: steps of the matcher, nesting of its backtracking, kB of heap.
inline constexpr std::uint32_t kPatternSteps = 10'000;
inline constexpr std::uint32_t kPatternDepth = 2'000;
inline constexpr std::uint32_t kPatternHeap = 1'024;

// What this thread may take for one request, in processor time: the same on a busy host. When it is over, no expression
// matches any more.
class PatternTime {
 public:
  // Begins now.
  explicit PatternTime(std::chrono::nanoseconds most);
  ~PatternTime();
  PatternTime(const PatternTime&) = delete;
  PatternTime& operator=(const PatternTime&) = delete;

  // A match was given up, for either bound.
  bool exceeded() const;
};

}  // namespace tidegate::payload
