// SPDX-License-Identifier: Apache-2.0
// The one way to judge a policy, for `tidegate policy check` without an agent and for the agent itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "agent/config/policy_reader.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::config {

struct CheckOptions {
  std::uint64_t bucket_ways = 65536;  // tables.buckets
  std::chrono::nanoseconds tick{4'000'000};
  std::vector<policy::SafelistEntry> extra_safelist;
};

// Parses and compiles, touching neither kernel nor files. `policy.not_enforced` names the sections kept but not acted
// on.
ParsedPolicy check_policy(std::string text, const CheckOptions& options = {});

}  // namespace tidegate::config
