// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/generations.hpp"

#include <vector>

#include "agent/kernel/shared_word.hpp"

namespace tidegate::kernel {

Result<Generations> Generations::open(const MapSet& maps, tg_control& control, std::function<Status()> wait) {
  TIDEGATE_ASSIGN(ServiceSlots slots, ServiceSlots::open(maps));
  Generations generations(maps, control, std::move(wait), std::move(slots));
  TIDEGATE_TRY(maps.read("host", load(control.active) & 1, &generations.host_));
  return generations;
}

Status Generations::wait_for_readers() {
  if (!old_half_read_) return {};
  TIDEGATE_TRY(wait_());
  old_half_read_ = false;
  return {};
}

Status Generations::apply(const policy::Image& image, const SlotOwners& owners, std::uint32_t generation) {
  TIDEGATE_ASSIGN(const SlotTable next, slots_.plan(owners));
  TIDEGATE_TRY(wait_for_readers());
  tg_host host = image.host;
  host.generation = generation;
  host.replies_tweak = slots_.tweak(TG_SERVICE_REPLIES);
  host.limited_tweak = slots_.tweak(TG_SERVICE_LIMITED);
  const std::uint32_t half = (load(control_->active) & 1) ^ 1;
  TIDEGATE_TRY(write_half(half, image, host, next));
  TIDEGATE_TRY(slots_.commit(*maps_, next));
  store(control_->active, half);
  old_half_read_ = true;
  host_ = host;
  return wait_for_readers();
}

Status Generations::write_half(std::uint32_t half, const policy::Image& image, const tg_host& host,
                               const SlotTable& slots) const {
  std::vector<tg_service> services = image.services;
  services.resize(TG_SERVICES);
  for (unsigned slot = 0; slot < TG_POLICY_SERVICES; ++slot) services[slot].tweak = slots[slot].tweak;
  std::vector<tg_source_entry> entries = image.entries;
  entries.resize(TG_SOURCE_ENTRIES);
  TIDEGATE_TRY(maps_->write_many("services", half * TG_SERVICES, TG_SERVICES, services.data(), sizeof(tg_service)));
  TIDEGATE_TRY(maps_->write_many("source_entries", half * TG_SOURCE_ENTRIES, TG_SOURCE_ENTRIES, entries.data(),
                                 sizeof(tg_source_entry)));
  TIDEGATE_TRY(maps_->write("ranges", half, &image.ranges));
  TIDEGATE_TRY(maps_->write("sources", half, &image.sources));
  TIDEGATE_TRY(maps_->write("destinations", half, &image.destinations));
  return maps_->write("host", half, &host);
}

}  // namespace tidegate::kernel
