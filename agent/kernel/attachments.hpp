// SPDX-License-Identifier: Apache-2.0
// Which interfaces are to be protected, and whether they are.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/kernel/datapath.hpp"
#include "agent/kernel/features.hpp"
#include "agent/kernel/loader.hpp"
#include "agent/kernel/pins.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::kernel {

// Thread-safe. Links stay attached when this goes: they are pinned.
class Attachments {
 public:
  // All outlive it.
  Attachments(const PinDirectory& pins, const Programs& programs, const Features& features);

  // Takes over the pinned links; with `update` they run the new program from now on, else when attach() names them.
  void adopt(bool update);

  // An interface that cannot be attached now is remembered, and verify() tries again. One that cannot change its mode
  // goes on in the earlier one.
  Result<AttachState> attach(const policy::Interface& interface);
  Status detach(const std::string& interface);
  // Puts right what does not hold any more; returns what it found changed, each with what had happened as `problem`.
  std::vector<AttachState> verify();

  std::vector<AttachState> states() const;
  std::vector<unsigned> ifindexes() const;
  // No link runs a program of an earlier agent.
  bool all_updated() const;

 private:
  struct Entry {
    policy::Interface wanted;
    UniqueFd link;
    AttachState state;
  };

  Status bring_up(Entry& entry) const;
  void fall_back(Entry& entry, const policy::Interface& before) const;
  Status keep_or_drop_link(Entry& entry) const;
  Status update_program(Entry& entry) const;
  Status make_link(Entry& entry) const;
  void bring_up_egress(Entry& entry) const;
  void record(Entry& entry, const Status& result) const;
  std::optional<std::string> what_is_wrong(const Entry& entry) const;

  const PinDirectory& pins_;
  const Programs& programs_;
  const Features& features_;
  std::uint32_t xdp_id_;
  std::uint32_t egress_id_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace tidegate::kernel
