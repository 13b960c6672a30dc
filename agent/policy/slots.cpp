// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/slots.hpp"

#include <deque>
#include <set>

#include "bpf/abi/limits.h"

namespace tidegate::policy {

std::map<std::string, unsigned> assign_slots(const Policy& policy, const std::map<std::string, unsigned>& present,
                                             Report& report) {
  std::map<std::string, unsigned> slots;
  if (policy.services.size() > TG_POLICY_SERVICES) {
    report.error(policy.services[TG_POLICY_SERVICES].location,
                 "the policy has " + std::to_string(policy.services.size()) + " services, map services holds " +
                     std::to_string(TG_POLICY_SERVICES) + "; merge some");
    return slots;
  }
  std::set<unsigned> kept;
  for (const Service& service : policy.services) {
    const auto owner = present.find(service.name);
    if (owner == present.end() || owner->second >= TG_POLICY_SERVICES || !kept.insert(owner->second).second) continue;
    slots[service.name] = owner->second;
  }
  std::set<unsigned> removed;
  for (const auto& [name, slot] : present) {
    if (!kept.contains(slot)) removed.insert(slot);
  }
  std::deque<unsigned> free;
  for (unsigned slot = 0; slot < TG_POLICY_SERVICES; ++slot) {
    if (!kept.contains(slot) && !removed.contains(slot)) free.push_back(slot);
  }
  for (const unsigned slot : removed) {
    if (slot < TG_POLICY_SERVICES) free.push_back(slot);
  }
  for (const Service& service : policy.services) {
    if (slots.contains(service.name)) continue;
    slots[service.name] = free.front();
    free.pop_front();
  }
  return slots;
}

}  // namespace tidegate::policy
