// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/engine/admission.hpp"

#include <algorithm>

#include "agent/inspect/model/flow_hash.hpp"

namespace tidegate::inspect {

// All but the keys, which it has no use for.
void Admission::set_settings(const Settings& settings) {
  settings_ = settings;
  settings_.identity_key = {};
  settings_.identity_key_before.reset();
  ++generation_;
}

void Admission::set_shedding(Shedding level, double share_of_new_flows) {
  level_ = level;
  share_ = level == Shedding::kNone ? 0 : share_of_new_flows;
}

// A connection whose beginning was not seen while new ones are shed is most likely one of those: its first packet may
// have been left out by the capture filter.
Admitted Admission::judge(const Flow& flow, bool mid_stream) const {
  if (!still_wanted(flow)) return Admitted::kNotWanted;
  const std::uint64_t hash = flow_hash(flow, settings_.sample_seed);
  if (!in_share(hash, settings_.sample)) return Admitted::kNotWanted;
  if (level_ == Shedding::kNone) return Admitted::kYes;
  // Another part of the hash than the sample's, or a small sample would be shed as a whole.
  return mid_stream || in_share(hash << 32, share_) ? Admitted::kShed : Admitted::kYes;
}

bool Admission::still_wanted(const Flow& flow) const {
  return settings_.everything || service_of(settings_, flow.server.address, flow.server.port) != nullptr;
}

bool Admission::is_server(const Endpoint& endpoint) const {
  return service_of(settings_, endpoint.address, endpoint.port) != nullptr;
}

bool Admission::is_trusted_proxy(const Address& address) const {
  return std::ranges::any_of(settings_.trusted_proxies,
                             [&address](const Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace tidegate::inspect
