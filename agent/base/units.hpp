// SPDX-License-Identifier: Apache-2.0
// Rates, sizes and durations as people write them (docs/policy.md), and back.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/error.hpp"

namespace tidegate {

// `amount` units in `per`. Kept as written, so that what is shown is what was said.
struct Rate {
  std::uint64_t amount = 0;
  std::chrono::seconds per{1};

  double per_second() const { return static_cast<double>(amount) / static_cast<double>(per.count()); }
  friend bool operator==(const Rate&, const Rate&) = default;
};

// "30s", "5m", "1h", "7d": a whole number and one unit; more than 0 and at most 3650d.
Result<std::chrono::seconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::seconds duration);  // "1h", "90s": the largest unit without remainder

// "100/s", "30/m", "5/h": packets, SYNs or requests.
Result<Rate> parse_packet_rate(std::string_view text);
std::string format_packet_rate(const Rate& rate);

// "20MB/s", "500kB/m", "8Mbit/s": bytes (powers of 1000; bits are divided by 8).
Result<Rate> parse_byte_rate(std::string_view text);
std::string format_byte_rate(const Rate& rate);

// "40MB", "1500B": a size in bytes.
Result<std::uint64_t> parse_bytes(std::string_view text);
std::string format_bytes(std::uint64_t bytes);

}  // namespace tidegate
