// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/service_slots.hpp"

#include <fmt/format.h>

#include <cstring>

#include "agent/kernel/geometry.hpp"
#include "bpf/abi/reasons.h"

namespace tidegate::kernel {
namespace {

constexpr const char* kMap = "service_slots";
constexpr unsigned kOwnSlots[] = {TG_SERVICE_SAFELIST, TG_SERVICE_PROXY, TG_SERVICE_REPLIES, TG_SERVICE_LIMITED,
                                  TG_SERVICE_NONE};

bool same(const tg_service_slot& a, const tg_service_slot& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

std::string_view name_of(const tg_service_slot& slot) { return {slot.name, strnlen(slot.name, sizeof slot.name)}; }

// Nothing to do for a slot that nobody had: a new map is zero.
Status zero_slot(const MapSet& maps, unsigned slot) {
  const std::size_t per_entry = sizeof(tg_counter) * possible_cpus();
  const std::vector<std::byte> zeros(per_entry * TG_REASON_SLOTS);
  TIDEGATE_TRY(maps.write_many("counters", slot * TG_REASON_SLOTS, TG_REASON_SLOTS, zeros.data(), per_entry));
  const tg_fresh budget{};
  return maps.write("fresh", slot, &budget);
}

Status claim(tg_service_slot& slot, const std::string& name) {
  if (name_of(slot) == name) return {};
  slot = {};
  std::memcpy(slot.name, name.data(), name.size());
  TIDEGATE_ASSIGN(slot.tweak, random_secret());
  return {};
}

}  // namespace

Result<ServiceSlots> ServiceSlots::open(const MapSet& maps) {
  SlotTable table{};
  TIDEGATE_TRY(maps.read_many(kMap, 0, TG_SERVICES, table.data(), sizeof(tg_service_slot)));
  for (const unsigned slot : {TG_SERVICE_REPLIES, TG_SERVICE_LIMITED}) {
    if (table[slot].tweak != 0) continue;
    TIDEGATE_ASSIGN(table[slot].tweak, random_secret());
    TIDEGATE_TRY(maps.write(kMap, slot, &table[slot]));
  }
  return ServiceSlots(table);
}

SlotOwners ServiceSlots::owners() const {
  SlotOwners owners;
  for (unsigned slot = 0; slot < TG_POLICY_SERVICES; ++slot) {
    if (const auto name = name_of(table_[slot]); !name.empty()) owners.emplace(name, slot);
  }
  return owners;
}

std::vector<unsigned> ServiceSlots::counted() const {
  std::vector<unsigned> slots;
  for (unsigned slot = 0; slot < TG_POLICY_SERVICES; ++slot) {
    if (table_[slot].tweak != 0) slots.push_back(slot);
  }
  slots.insert(slots.end(), std::begin(kOwnSlots), std::end(kOwnSlots));
  return slots;
}

std::vector<unsigned> ServiceSlots::with_buckets() const {
  std::vector<unsigned> slots;
  for (unsigned slot = 0; slot < TG_POLICY_SERVICES; ++slot) {
    if (!name_of(table_[slot]).empty()) slots.push_back(slot);
  }
  slots.push_back(TG_SERVICE_REPLIES);
  slots.push_back(TG_SERVICE_LIMITED);
  return slots;
}

Result<SlotTable> ServiceSlots::plan(const SlotOwners& wanted) const {
  SlotTable next = table_;
  for (unsigned slot = 0; slot < TG_POLICY_SERVICES; ++slot) {
    const auto owner = wanted.find(std::string(name_of(next[slot])));
    // The secret of a slot that falls free stays: it says that its counters are not zero.
    if (owner == wanted.end() || owner->second != slot) std::memset(next[slot].name, 0, sizeof next[slot].name);
  }
  for (const auto& [name, slot] : wanted) {
    if (slot >= TG_POLICY_SERVICES || name.empty() || name.size() >= sizeof next[slot].name) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("service \"{}\" does not fit slot {}: a name has 1 to {} bytes, a policy {} services",
                              name, slot, sizeof(tg_service_slot::name) - 1, TG_POLICY_SERVICES));
    }
    TIDEGATE_TRY(claim(next[slot], name));
  }
  return next;
}

Status ServiceSlots::commit(const MapSet& maps, const SlotTable& next) {
  for (unsigned slot = 0; slot < TG_POLICY_SERVICES; ++slot) {
    if (same(table_[slot], next[slot])) continue;
    if (table_[slot].tweak != 0 && next[slot].tweak != table_[slot].tweak) TIDEGATE_TRY(zero_slot(maps, slot));
    TIDEGATE_TRY(maps.write(kMap, slot, &next[slot]));
    table_[slot] = next[slot];
  }
  return {};
}

}  // namespace tidegate::kernel
