// SPDX-License-Identifier: Apache-2.0
// What changes between two policies, in the words of the policy.
#pragma once

#include <string>
#include <vector>

#include "agent/policy/model.hpp"

namespace tidegate::policy {

enum class ChangeKind { kAdded, kRemoved, kChanged };

struct Change {
  ChangeKind kind = ChangeKind::kChanged;
  std::string path;    // "services.api.limits.packets.rate"
  std::string before;  // "2000/s"; empty when added
  std::string after;   // empty when removed
  friend bool operator==(const Change&, const Change&) = default;
};

// Comments, order and spelling ("1000kB", "1MB") do not count. Sorted by section in the order of docs/policy.md, then
// by name; the same two policies always give the same list.
std::vector<Change> diff(const Policy& before, const Policy& after);

}  // namespace tidegate::policy
