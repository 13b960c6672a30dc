// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/guard.hpp"

#include <algorithm>

namespace tidegate::decisions {
namespace {

std::string describe(const Fact& fact) {
  const std::string detail = fact.detail.empty() ? "" : " (" + fact.detail + ")";
  switch (fact.kind) {
    case Fact::Kind::kSafelist:
      return "on the safelist" + detail;
    case Fact::Kind::kDnsServer:
      return "a DNS server of this host" + detail;
    case Fact::Kind::kGateway:
      return "a default gateway of this host" + detail;
    case Fact::Kind::kOwnAddress:
      return "an address of this host" + detail;
    case Fact::Kind::kSshPeer:
      return "the peer of a present SSH connection" + detail;
    case Fact::Kind::kCaller:
      break;
  }
  return "the peer of your own session" + detail;
}

std::string relation(const Prefix& target, const Prefix& fact) {
  if (target == fact) return " is ";
  return (target.contains(fact) ? " would cover " : " lies inside ") + fact.to_string() + ", which is ";
}

}  // namespace

Guard::Guard(std::vector<Fact> facts) : facts_(std::move(facts)) {
  // Of equal prefixes the gravest comes first.
  std::ranges::sort(facts_, [](const Fact& a, const Fact& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.kind > b.kind;
  });
  for (const Fact& fact : facts_) lengths_.push_back(fact.prefix.length);
  std::ranges::sort(lengths_);
  lengths_.erase(std::ranges::unique(lengths_).begin(), lengths_.end());
}

// Facts inside `target` are neighbours in the order of prefixes.
const Fact* Guard::inside(const Prefix& target) const {
  const Fact* gravest = nullptr;
  const Address last = target.last();
  for (auto fact = std::ranges::lower_bound(facts_, target.address, {}, [](const Fact& f) { return f.prefix.address; });
       fact != facts_.end() && fact->prefix.address <= last; ++fact) {
    if (!target.contains(fact->prefix)) continue;
    if (gravest == nullptr || fact->kind > gravest->kind) gravest = &*fact;
  }
  return gravest;
}

// Facts around `target`: one exact lookup per length that any fact has.
const Fact* Guard::around(const Prefix& target) const {
  const Fact* gravest = nullptr;
  for (const std::uint8_t length : lengths_) {
    if (length >= target.length) break;
    const Prefix wanted = Prefix::around(target.address, length);
    const auto fact = std::ranges::lower_bound(facts_, wanted, {}, &Fact::prefix);
    if (fact == facts_.end() || fact->prefix != wanted) continue;
    if (gravest == nullptr || fact->kind > gravest->kind) gravest = &*fact;
  }
  return gravest;
}

const Fact* Guard::touched_by(const Prefix& target) const {
  const Fact* inner = inside(target);
  const Fact* outer = around(target);
  if (inner == nullptr || outer == nullptr) return inner != nullptr ? inner : outer;
  return outer->kind > inner->kind ? outer : inner;
}

Status Guard::check(const Prefix& target, Action action) const {
  if (action == Action::kMonitor) return {};
  const Fact* fact = touched_by(target);
  if (fact == nullptr) return {};
  return fail(ErrorCode::kFailedPrecondition, "refused to " + std::string(to_string(action)) + " " +
                                                  target.to_string() + ": it" + relation(target, fact->prefix) +
                                                  describe(*fact) + "; --force overrides this and is recorded");
}

}  // namespace tidegate::decisions
