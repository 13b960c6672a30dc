// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/effect.hpp"

#include <algorithm>

namespace tidegate::decisions {
namespace {

// No expiry is the latest of all.
std::optional<WallTime> later(std::optional<WallTime> a, std::optional<WallTime> b) {
  if (!a || !b) return std::nullopt;
  return std::max(*a, *b);
}

void tighten(std::optional<Rate>& held, const std::optional<Rate>& rate) {
  if (rate && (!held || rate->per_second() < held->per_second())) held = rate;
}

}  // namespace

void tighten(LimitRates& held, const LimitRates& other) {
  tighten(held.packets, other.packets);
  tighten(held.bytes, other.bytes);
}

void EffectBuilder::add(const Part& part) {
  if (part.action == Action::kBlock) {
    blocked_until_ = blocked_ ? later(blocked_until_, part.expires) : part.expires;
    blocked_ = true;
  } else if (part.action == Action::kLimit) {
    limited_until_ = limited_ ? later(limited_until_, part.expires) : part.expires;
    limited_ = true;
    tighten(limit_, part.limit);
  }
}

Effect EffectBuilder::build(const Prefix& target) const {
  return {.target = target,
          .blocked = blocked_,
          .blocked_until = blocked_until_,
          .limited = limited_,
          .limited_until = limited_until_,
          .limit = limit_};
}

}  // namespace tidegate::decisions
