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

struct After {
  const policy::Policy& policy;
  const std::vector<policy::SafelistEntry>& extra;
  const char* what;  // is changed
};

Status refuse(const After& after, const Fact& fact, const decisions::Decision& decision) {
  const bool block = decision.action == decisions::Action::kBlock;
  return fail(ErrorCode::kFailedPrecondition,
              std::string(after.what) + ": without its safelist entry " + fact.prefix.to_string() + " (" + fact.detail +
                  ") would be " + (block ? "cut off by the block of " : "slowed down by the limit of ") +
                  decision.target.to_string() + " by " + decision.origin +
                  "; keep the entry, remove that decision, or use --force");
}

Status guard_change(const Environment& environment, const InForce& before, const After& after,
                    const std::vector<std::string>& caller_peers) {
  std::vector<Fact> facts = environment.host_facts().facts;
  TIDEGATE_ASSIGN(const auto caller, decisions::caller_facts(caller_peers));
  facts.insert(facts.end(), caller.begin(), caller.end());
  for (const Fact& fact : facts) {
    if (!spared_by(before.policy, before.extra_safelist, fact.prefix)) continue;
    if (spared_by(after.policy, after.extra, fact.prefix)) continue;
    TIDEGATE_ASSIGN(const auto covering, environment.decisions.covering(fact.prefix));
    for (const auto& decision : covering) {
      if (decision.action != decisions::Action::kMonitor) return refuse(after, fact, decision);
    }
  }
  return {};
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

Status guard_policy(const Environment& environment, const InForce* present, const policy::Policy& next,
                    const std::vector<std::string>& caller_peers) {
  if (present == nullptr) return {};
  return guard_change(environment, *present, {next, present->extra_safelist, "policy"}, caller_peers);
}

Status guard_safelist(const Environment& environment, const InForce* present,
                      const std::vector<policy::SafelistEntry>& left, const std::vector<std::string>& caller_peers) {
  if (present == nullptr) return {};
  return guard_change(environment, *present, {present->policy, left, "safelist"}, caller_peers);
}

}  // namespace tidegate::control
