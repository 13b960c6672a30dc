// SPDX-License-Identifier: Apache-2.0
// Names of what the datapath numbers: reasons, faults, services.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::telemetry {

// "packet_limit" for TG_REASON_PACKET_LIMIT (docs/reasons.md); "unknown" beyond the list.
std::string_view reason_name(unsigned reason);
// Whether packets with this reason are dropped, or would be without dry-run.
bool is_drop_reason(unsigned reason);

// "set_full" for TG_FAULT_SET_FULL; "unknown" beyond the list.
std::string_view fault_name(unsigned fault);

// Slot to name: services of the policy by `slots`, and "(safelist)", "(proxies)", "(replies)", "(limited)", "(none)",
// which no policy can use, because names have no parentheses. A slot without an owner: "(slot N)".
class ServiceNames {
 public:
  ServiceNames();
  explicit ServiceNames(const std::map<std::string, unsigned>& slots);
  const std::string& of(unsigned slot) const;

 private:
  std::vector<std::string> names_;
};

}  // namespace tidegate::telemetry
