// SPDX-License-Identifier: Apache-2.0
// The lock-out guard: what no decision may cover unless it is forced. Pure; host_facts.hpp collects the facts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/base/error.hpp"
#include "agent/decisions/decision.hpp"

namespace tidegate::decisions {

struct Fact {
  enum class Kind { kSafelist, kOwnAddress, kGateway, kDnsServer, kSshPeer, kCaller };
  Prefix prefix;
  Kind kind = Kind::kOwnAddress;
  std::string detail;  // "eth0", "policy", "connected to port 22"; may be empty
};

// Immutable, hence thread-safe. A check costs about 100 ns: made for imports of millions.
class Guard {
 public:
  Guard() = default;
  explicit Guard(std::vector<Fact> facts);

  // kFailedPrecondition when `target` covers a fact or lies inside one; the message names both and says how to
  // override. Monitor decisions are always allowed.
  Status check(const Prefix& target, Action action) const;
  // The fact that `target` touches (the gravest first), or null.
  const Fact* touched_by(const Prefix& target) const;

  const std::vector<Fact>& facts() const { return facts_; }

 private:
  const Fact* inside(const Prefix& target) const;
  const Fact* around(const Prefix& target) const;

  std::vector<Fact> facts_;            // in order of prefix
  std::vector<std::uint8_t> lengths_;  // the prefix lengths among them, ascending
};

}  // namespace tidegate::decisions
