// SPDX-License-Identifier: Apache-2.0
// Rates in the terms of the datapath (GCRA, ITU-T I.371 annex A).
#include <algorithm>
#include <cmath>
#include <string>

#include "agent/policy/compile.hpp"
#include "agent/policy/rates.hpp"

namespace tidegate::policy {
namespace {

__extension__ typedef unsigned __int128 Wide;

constexpr std::uint64_t kSecond = 1'000'000'000;
// bpf/abi/config.h: a packet's bytes times the cost of one must stay within 64 bits.
constexpr Wide kMostByteCost = (Wide{1} << 46) - 1;
// The clock plus a burst must stay far from wrapping.
constexpr Wide kMostBurst = Wide{1} << 61;
constexpr unsigned kMostErrorPercent = 1;

std::string rate_text(const Rate& rate, bool is_bytes) {
  return is_bytes ? format_byte_rate(rate) : format_packet_rate(rate);
}

std::string burst_text(std::uint64_t burst, bool is_bytes) {
  return is_bytes ? format_bytes(burst) : std::to_string(burst);
}

std::unexpected<Error> bad(std::string message) { return fail(ErrorCode::kInvalidArgument, std::move(message)); }

unsigned shift_of(bool is_bytes) { return is_bytes ? TG_BYTE_SHIFT : 0; }

// Cost of one unit, rounded up, so that never more than the rate passes.
Result<std::uint64_t> cost_of(const Rate& rate, bool is_bytes) {
  if (rate.amount == 0 || rate.per.count() <= 0)
    return bad("a rate of 0 cannot be represented; block the source instead");
  const Wide period = static_cast<Wide>(rate.per.count()) * kSecond << shift_of(is_bytes);
  const Wide cost = (period + rate.amount - 1) / rate.amount;
  if ((cost * rate.amount - period) * 100 > period * kMostErrorPercent) {
    return bad(rate_text(rate, is_bytes) + " is too fast to be represented within 1 %; use at most " +
               (is_bytes ? "10GB/s" : "10000000/s"));
  }
  if (cost > (is_bytes ? kMostByteCost : kMostBurst)) {
    return bad(rate_text(rate, is_bytes) + " is too slow to be represented; use at least " +
               (is_bytes ? "15B/s" : "1/h"));
  }
  return static_cast<std::uint64_t>(cost);
}

Wide time_of(Wide units, std::uint64_t cost, bool is_bytes) { return units * cost >> shift_of(is_bytes); }

// One second's worth, which is more than 100 ms' worth; one packet or one frame where that is more.
Wide default_burst(const Rate& rate, std::uint64_t cost, bool is_bytes) {
  const std::uint64_t least = is_bytes ? kJumboFrame : 1;
  const std::uint64_t in_a_second = rate.amount / static_cast<std::uint64_t>(rate.per.count());
  return std::max<Wide>(time_of(std::max(in_a_second, least), cost, is_bytes), kSecond);
}

Status check_burst(const Rate& rate, std::uint64_t burst, Wide duration, bool is_bytes, std::chrono::nanoseconds tick) {
  if (is_bytes && burst < kEthernetFrame) {
    return bad("burst " + format_bytes(burst) +
               " is smaller than one frame, and full frames would never pass; use at least " +
               format_bytes(kEthernetFrame));
  }
  const Wide least = static_cast<Wide>(tick.count()) * 2;
  if (duration >= least) return {};
  const double units = std::ceil(rate.per_second() * static_cast<double>(least) / static_cast<double>(kSecond));
  return bad("burst " + burst_text(burst, is_bytes) + " at " + rate_text(rate, is_bytes) + " lasts less than " +
             std::to_string(static_cast<std::uint64_t>(least) / 1'000'000) +
             " ms, two ticks of the datapath's clock; use at least " +
             burst_text(static_cast<std::uint64_t>(units), is_bytes));
}

}  // namespace

Result<tg_rate> to_gcra(const Rate& rate, std::optional<std::uint64_t> burst, bool is_bytes,
                        std::chrono::nanoseconds tick) {
  TIDEGATE_ASSIGN(const std::uint64_t cost, cost_of(rate, is_bytes));
  const Wide duration = burst ? time_of(*burst, cost, is_bytes) : default_burst(rate, cost, is_bytes);
  if (burst) TIDEGATE_TRY(check_burst(rate, *burst, duration, is_bytes, tick));
  if (duration > kMostBurst) {
    return bad("burst " + burst_text(burst.value_or(0), is_bytes) + " at " + rate_text(rate, is_bytes) +
               " lasts decades and cannot be represented; use a smaller one");
  }
  return tg_rate{.cost = cost, .burst = static_cast<std::uint64_t>(duration)};
}

Result<tg_rate> share_of(const Rate& rate, double share, std::chrono::nanoseconds tick) {
  constexpr double kScale = 1000;                          // keeps the fraction of small rates
  TIDEGATE_TRY(to_gcra(rate, std::nullopt, false, tick));  // says what is wrong in the words of the policy
  const double amount = static_cast<double>(rate.amount) * share * kScale;
  if (amount < 1) return kNothing;
  const Rate part{static_cast<std::uint64_t>(std::llround(amount)), rate.per * static_cast<int>(kScale)};
  return to_gcra(part, std::nullopt, false, tick);
}

}  // namespace tidegate::policy
