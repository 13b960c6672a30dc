// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tidegate::inspect {

enum class Counter : std::uint8_t {
#define INSPECT_COUNTER(id, name, kind, help) id,
#include "agent/inspect/model/counters.def"
#undef INSPECT_COUNTER
  kCount,
};
inline constexpr std::size_t kCounters = static_cast<std::size_t>(Counter::kCount);

enum class CounterKind : std::uint8_t { kTraffic, kLoss, kHostile };

struct CounterText {
  std::string_view name;  // snake_case, stable
  CounterKind kind;
  std::string_view help;
};
const CounterText& text_of(Counter counter);

// Totals since start. One writer; copied to be read elsewhere.
class Counters {
 public:
  void add(Counter counter, std::uint64_t by = 1) { values_[static_cast<std::size_t>(counter)] += by; }
  std::uint64_t of(Counter counter) const { return values_[static_cast<std::size_t>(counter)]; }
  void add(const Counters& other) {
    for (std::size_t i = 0; i < kCounters; ++i) values_[i] += other.values_[i];
  }
  std::array<std::uint64_t, kCounters>& values() { return values_; }
  const std::array<std::uint64_t, kCounters>& values() const { return values_; }

 private:
  std::array<std::uint64_t, kCounters> values_{};
};

}  // namespace tidegate::inspect
