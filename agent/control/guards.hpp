// SPDX-License-Identifier: Apache-2.0
// The lock-out guard with the facts of this moment.
#pragma once

#include <string>
#include <vector>

#include "agent/control/enforcement.hpp"
#include "agent/control/environment.hpp"
#include "agent/decisions/guard.hpp"

namespace tidegate::control {

// Own addresses, gateways, DNS servers, SSH peers, the caller's session, safelist and trusted proxies.
// kInvalidArgument: a caller peer is no address.
Result<decisions::Guard> guard_now(const Environment& environment, const Enforcement& enforcement,
                                   const std::vector<std::string>& caller_peers);

// The lock-out guard of a policy change: with `next` in force, would a block or limit that the safelist or a trusted
// proxy entry holds back today act on an address that this host or the caller needs? kFailedPrecondition names
// decision, address and override. kInvalidArgument: a caller peer is no address.
Status guard_policy(const Environment& environment, const InForce* present, const policy::Policy& next,
                    const std::vector<std::string>& caller_peers);
// Likewise, of a change of the operator's safelist, of which `left` stays.
Status guard_safelist(const Environment& environment, const InForce* present,
                      const std::vector<policy::SafelistEntry>& left, const std::vector<std::string>& caller_peers);

}  // namespace tidegate::control
