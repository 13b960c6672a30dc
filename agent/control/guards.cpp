// SPDX-License-Identifier: Apache-2.0
#include "agent/control/guards.hpp"

#include <algorithm>

namespace tidegate::control {
namespace {

using decisions::Fact;

void add_policy_facts(std::vector<Fact>& facts, const policy::Policy& policy) {
  for (const auto& entry : policy.safelist) facts.push_back({entry.prefix, Fact::Kind::kSafelist, "policy"});
  for (const auto& proxy : policy.trusted_proxies) {
    facts.push_back({proxy.prefix, Fact::Kind::kSafelist, "trusted proxy of the policy"});
  }
}

bool spared_by(const policy::Policy& policy, const std::vector<policy::SafelistEntry>& extra, const Prefix& address) {
  const auto covers = [&](const auto& entry) { return entry.prefix.contains(address); };
  return std::any_of(policy.safelist.begin(), policy.safelist.end(), covers) ||
         std::any_of(extra.begin(), extra.end(), covers) ||
         std::any_of(policy.trusted_proxies.begin(), policy.trusted_proxies.end(), covers);
}

}  // namespace

Result<decisions::Guard> guard_now(const Environment& environment, const Enforcement& enforcement,
                                   const std::vector<std::string>& caller_peers) {
  std::vector<Fact> facts = environment.host_facts().facts;
  TIDEGATE_ASSIGN(const auto caller, decisions::caller_facts(caller_peers));
  facts.insert(facts.end(), caller.begin(), caller.end());
  if (const auto present = enforcement.in_force()) {
    add_policy_facts(facts, present->policy);
    for (const auto& entry : present->extra_safelist)
      facts.push_back({entry.prefix, Fact::Kind::kSafelist, "operator"});
  }
  return decisions::Guard(std::move(facts));
}

Status guard_policy(const Environment& environment, const InForce* present, const policy::Policy& next) {
  if (present == nullptr) return {};
  for (const Fact& fact : environment.host_facts().facts) {
    if (!spared_by(present->policy, present->extra_safelist, fact.prefix)) continue;
    if (spared_by(next, present->extra_safelist, fact.prefix)) continue;
    TIDEGATE_ASSIGN(const auto covering, environment.decisions.covering(fact.prefix));
    for (const auto& decision : covering) {
      if (decision.action != decisions::Action::kBlock) continue;
      return fail(ErrorCode::kFailedPrecondition, "policy: without its safelist entry " + fact.prefix.to_string() +
                                                      " (" + fact.detail + ") would be cut off by the block of " +
                                                      decision.target.to_string() + " by " + decision.origin +
                                                      "; keep the entry, remove that decision, or use --force");
    }
  }
  return {};
}

}  // namespace tidegate::control
