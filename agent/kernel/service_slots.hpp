// SPDX-License-Identifier: Apache-2.0
// Who owns a service slot: pinned, so that buckets and counters keep their meaning across agents.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "agent/kernel/maps.hpp"
#include "bpf/abi/state.h"

namespace tidegate::kernel {

using SlotTable = std::array<tg_service_slot, TG_SERVICES>;
using SlotOwners = std::map<std::string, unsigned>;

// Not thread-safe.
class ServiceSlots {
 public:
  // Reads the pinned table; gives replies and limit decisions their secrets if they have none yet.
  static Result<ServiceSlots> open(const MapSet& maps);

  SlotOwners owners() const;
  std::uint64_t tweak(unsigned slot) const { return table_[slot].tweak; }
  // Slots whose counters mean something: of the host itself, and that a service has or had.
  std::vector<unsigned> counted() const;
  // Slots in which buckets may be kept now.
  std::vector<unsigned> with_buckets() const;

  // The table once `wanted` owns its slots: a new owner gets a new secret, so that the buckets of the slot's last owner
  // mean nothing to it. kInvalidArgument for a slot or a name that does not fit. Changes nothing yet.
  Result<SlotTable> plan(const SlotOwners& wanted) const;
  // Zeroes counters and budgets of slots that change hands, writes the table and takes it as the present one.
  Status commit(const MapSet& maps, const SlotTable& next);

 private:
  explicit ServiceSlots(const SlotTable& table) : table_(table) {}

  SlotTable table_;
};

}  // namespace tidegate::kernel
