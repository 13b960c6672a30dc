// SPDX-License-Identifier: Apache-2.0
// Opening the datapath: what must be there, what is pinned already, loading, adopting.
#include <algorithm>
#include <chrono>

#include "agent/kernel/adoption.hpp"
#include "agent/kernel/grace_period.hpp"
#include "agent/kernel/handshakes.hpp"
#include "agent/kernel/network.hpp"
#include "agent/kernel/pinned_datapath.hpp"
#include "agent/kernel/privileges.hpp"
#include "agent/kernel/shared_word.hpp"

namespace tidegate::kernel {
namespace {

// At most 4.29 seconds, what struct tg_control holds.
std::uint32_t nanoseconds32(std::chrono::nanoseconds time) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time.count(), 0, 0xffffffff));
}

}  // namespace

Result<std::unique_ptr<Datapath>> Datapath::open(const Options& options, const Clock& clock) {
  return PinnedDatapath::open(options, clock);
}

Result<std::unique_ptr<PinnedDatapath>> PinnedDatapath::open(const Options& options, const Clock& clock) {
  TIDEGATE_TRY(check_capabilities(effective_capabilities()));
  TIDEGATE_TRY(check_bpf_filesystem(options.pin_dir));
  TIDEGATE_TRY(check_btf());
  TIDEGATE_ASSIGN(PinDirectory pins, PinDirectory::lock(options.pin_dir));
  TIDEGATE_ASSIGN(Features features, Features::probe(options.disabled_features));
  std::unique_ptr<PinnedDatapath> datapath(new PinnedDatapath(clock, std::move(pins), std::move(features)));
  TIDEGATE_TRY(datapath->load(options));
  TIDEGATE_TRY(datapath->open_tables(options));
  datapath->attachments_.emplace(datapath->pins_, datapath->loaded_.programs, datapath->features_);
  datapath->attachments_->adopt(datapath->adopted_);
  TIDEGATE_TRY(datapath->finish_migration());
  return datapath;
}

Status PinnedDatapath::load(const Options& options) {
  TIDEGATE_ASSIGN(const Geometry geometry, geometry_for(options));
  TIDEGATE_ASSIGN(Loader loader, Loader::open(features_, geometry, false));
  TIDEGATE_ASSIGN(const Inspection present, inspect_pins(pins_, loader.shapes(), geometry));
  adopted_ = present.state == PinnedMaps::kAdoptable;
  replaced_because_ = present.why;
  TIDEGATE_ASSIGN(loaded_, std::move(loader).load(adopted_ ? &present.maps : nullptr));
  if (!adopted_) TIDEGATE_TRY(place_maps(present, geometry));
  if (!loaded_.programs.established) return {};
  TIDEGATE_ASSIGN(handshakes_, attach_handshakes(loaded_.programs.established.get(), pins_));
  return {};
}

// New maps take the pin directory, unless an outdated set is there: that one goes when no link needs it any more.
Status PinnedDatapath::place_maps(const Inspection& present, const Geometry& geometry) {
  TIDEGATE_TRY(initialise(loaded_.maps, geometry));
  pins_.remove_staging();
  staged_ = present.state == PinnedMaps::kOutdated;
  return staged_ ? stage_maps(pins_, loaded_.maps) : pin_maps(pins_, loaded_.maps);
}

Status PinnedDatapath::open_tables(const Options& options) {
  const MapSet& maps = loaded_.maps;
  tg_identity identity{};
  TIDEGATE_TRY(maps.read("identity", 0, &identity));
  TIDEGATE_ASSIGN(control_, maps.mapped<tg_control>("control"));
  tg_control& control = (*control_)[0];
  store(control.ephemeral_low, ephemeral_port_low());
  store(control.sample_interval_ns, nanoseconds32(options.sample_interval));
  store(control.lookup_interval_ns, nanoseconds32(options.lookup_interval));
  // The wait fails only without memory for two tiny maps; a packet in flight may then see a list change under it.
  const auto wait = [this] { static_cast<void>(wait_for_readers()); };
  TIDEGATE_ASSIGN(generations_, Generations::open(maps, control, [this] { return wait_for_readers(); }));
  TIDEGATE_ASSIGN(blocks_, Blocks::open(maps, identity, control, wait));
  TIDEGATE_ASSIGN(limits_, Limits::open(maps, identity, control, wait));
  TIDEGATE_ASSIGN(flow_blocks_, FlowBlocks::open(maps, identity, control, wait));
  TIDEGATE_ASSIGN(sources_, Sources::open(maps, identity));
  TIDEGATE_ASSIGN(proven_pages_, maps.mapped<tg_proven_page>("proven"));
  proven_.emplace(proven_pages_->values(), control);
  TIDEGATE_ASSIGN(events_, EventReader::open(maps.fd("events")));
  return {};
}

// Once every link runs the new program, nothing reads the outdated maps.
Status PinnedDatapath::finish_migration() {
  const std::lock_guard lock(pins_mutex_);
  if (!staged_ || !attachments_->all_updated()) return {};
  TIDEGATE_TRY(promote_maps(pins_, loaded_.maps));
  staged_ = false;
  return {};
}

}  // namespace tidegate::kernel
