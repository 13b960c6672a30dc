// SPDX-License-Identifier: Apache-2.0
// Which connections are looked into.
#pragma once

#include "agent/inspect/engine/engine.hpp"
#include "agent/inspect/model/flow.hpp"
#include "agent/inspect/model/settings.hpp"

namespace tidegate::inspect {

enum class Admitted : std::uint8_t {
  kYes,
  kNotWanted,  // no inspected service, or outside the sample
  kShed,       // overload
};

// Used by one thread.
class Admission {
 public:
  void set_settings(const Settings& settings);
  void set_shedding(Shedding level, double share_of_new_flows);

  Admitted judge(const Flow& flow, bool mid_stream) const;
  // Of a connection that was admitted before the settings changed.
  bool still_wanted(const Flow& flow) const;
  bool is_server(const Endpoint& endpoint) const;
  bool is_trusted_proxy(const Address& address) const;
  bool sheds_server_payload() const { return level_ == Shedding::kServerPayload; }
  // Changes with every set_settings().
  std::uint64_t generation() const { return generation_; }

 private:
  Settings settings_;
  std::uint64_t generation_ = 0;
  Shedding level_ = Shedding::kNone;
  double share_ = 0;
};

}  // namespace tidegate::inspect
