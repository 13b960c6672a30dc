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

std::optional<WallTime> earlier(std::optional<WallTime> a, std::optional<WallTime> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace

void EffectBuilder::tighten(std::optional<Bound>& held, const std::optional<Rate>& rate,
                            std::optional<WallTime> until) {
  if (!rate) return;
  const double now = held ? held->rate.per_second() : rate->per_second() + 1;
  if (rate->per_second() < now) {
    held = Bound{*rate, until};
  } else if (rate->per_second() == now) {
    held->until = later(held->until, until);
  }
}

void EffectBuilder::add(const Part& part) {
  if (part.action == Action::kBlock) {
    blocked_until_ = blocked_ ? later(blocked_until_, part.expires) : part.expires;
    blocked_ = true;
  } else if (part.action == Action::kLimit) {
    tighten(packets_, part.limit.packets, part.expires);
    tighten(bytes_, part.limit.bytes, part.expires);
  }
}

Effect EffectBuilder::build(const Prefix& target) const {
  Effect effect{
      .target = target, .blocked = blocked_, .blocked_until = blocked_until_, .limited_until = {}, .limit = {}};
  effect.limited = packets_ || bytes_;
  if (packets_) effect.limit.packets = packets_->rate;
  if (bytes_) effect.limit.bytes = bytes_->rate;
  effect.limited_until = earlier(packets_ ? packets_->until : std::nullopt, bytes_ ? bytes_->until : std::nullopt);
  return effect;
}

}  // namespace tidegate::decisions
