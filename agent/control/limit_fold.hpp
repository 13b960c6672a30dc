// SPDX-License-Identifier: Apache-2.0
// The datapath looks for the most specific limit of a source and at no other. So that a second one never loosens or
// ends the first, each entry also holds what the limits of wider prefixes around it say.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/base/clock.hpp"
#include "agent/decisions/decision.hpp"

namespace tidegate::control {

struct HeldLimit {
  decisions::LimitRates rates;
  std::optional<WallTime> until;  // none: until removed
};

// The limits of targets, as their own decisions say. As many as the datapath's table has room for. Not thread-safe.
class LimitFold {
 public:
  // Both return the targets whose fold may have changed: this one and those inside it.
  std::vector<Prefix> set(const Prefix& target, const HeldLimit& limit);
  std::vector<Prefix> remove(const Prefix& target);
  void clear();

  bool contains(const Prefix& target) const { return own_.contains(target); }
  // Of a target that it contains: in each unit the tightest of its own and of those around it that have not expired,
  // for as long as its own lasts. Then the next wider entry counts, whose fold is its own.
  HeldLimit fold(const Prefix& target, WallTime now) const;

 private:
  std::vector<Prefix> inside(const Prefix& target) const;

  std::map<Prefix, HeldLimit> own_;
  std::array<std::uint32_t, 129> lengths_{};  // how many targets have this prefix length
};

}  // namespace tidegate::control
