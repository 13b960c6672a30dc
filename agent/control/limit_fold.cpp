// SPDX-License-Identifier: Apache-2.0
#include "agent/control/limit_fold.hpp"

#include "agent/decisions/effect.hpp"

namespace tidegate::control {

// In order of address and length, those inside a prefix follow it.
std::vector<Prefix> LimitFold::inside(const Prefix& target) const {
  std::vector<Prefix> found;
  const Address last = target.last();
  for (auto at = own_.lower_bound(target); at != own_.end() && at->first.address <= last; ++at) {
    if (target.contains(at->first)) found.push_back(at->first);
  }
  return found;
}

std::vector<Prefix> LimitFold::set(const Prefix& target, const HeldLimit& limit) {
  const bool fresh = own_.insert_or_assign(target, limit).second;
  if (fresh) ++lengths_[target.length];
  return inside(target);
}

std::vector<Prefix> LimitFold::remove(const Prefix& target) {
  if (own_.erase(target) == 0) return {};
  --lengths_[target.length];
  return inside(target);
}

void LimitFold::clear() {
  own_.clear();
  lengths_.fill(0);
}

HeldLimit LimitFold::fold(const Prefix& target, WallTime now) const {
  HeldLimit result = own_.at(target);
  for (unsigned length = 0; length < target.length; ++length) {
    if (lengths_[length] == 0) continue;
    const auto around = own_.find(Prefix::around(target.address, length));
    if (around == own_.end() || !around->first.contains(target)) continue;
    if (around->second.until && *around->second.until <= now) continue;
    decisions::tighten(result.rates, around->second.rates);
  }
  return result;
}

}  // namespace tidegate::control
