// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/pinned_datapath.hpp"

#include "agent/kernel/counters.hpp"
#include "agent/kernel/grace_period.hpp"
#include "agent/kernel/handshakes.hpp"

namespace tidegate::kernel {

Status PinnedDatapath::wait_for_readers() const { return wait_for_programs(features_.has(feature::kMembarrier)); }

std::uint32_t PinnedDatapath::active_generation() const {
  const std::lock_guard lock(policy_mutex_);
  return generations_->host().generation;
}

Status PinnedDatapath::apply(const policy::Image& image, const std::map<std::string, unsigned>& slots,
                             std::uint32_t generation) {
  const std::lock_guard lock(policy_mutex_);
  return generations_->apply(image, slots, generation);
}

std::map<std::string, unsigned> PinnedDatapath::slots() const {
  const std::lock_guard lock(policy_mutex_);
  return generations_->slots().owners();
}

Result<AttachState> PinnedDatapath::attach(const policy::Interface& interface) {
  auto state = attachments_->attach(interface);
  TIDEGATE_TRY(finish_migration());
  return state;
}

Status PinnedDatapath::detach(const std::string& interface) {
  TIDEGATE_TRY(attachments_->detach(interface));
  return finish_migration();
}

std::vector<AttachState> PinnedDatapath::verify_attachments() {
  if (is_migrating() && active_generation() == 0) return {};  // an earlier agent's program still protects them
  Result<bool> restored = restore_pins();  // first: links are pinned in the directory that may have to be made again
  auto changed = attachments_->verify();
  if (const auto finished = finish_migration(); !finished) restored = std::unexpected(finished.error());
  if (restored && !*restored) return changed;
  // The pins of the maps concern every interface: without them nothing survives this agent.
  changed = attachments_->states();
  for (auto& state : changed) {
    state.problem =
        restored ? "pins were removed from the pin directory; they are there again" : restored.error().message;
  }
  return changed;
}

bool PinnedDatapath::is_migrating() const {
  const std::lock_guard lock(pins_mutex_);
  return staged_;
}

// True when a pin was missing, of the maps or of the tracepoint.
Result<bool> PinnedDatapath::restore_pins() {
  const std::lock_guard lock(pins_mutex_);
  TIDEGATE_ASSIGN(bool missing, pins_.recover());
  if (staged_) return missing;
  for (const auto& [name, fd] : loaded_.maps) {
    if (pins_.has(name)) continue;
    TIDEGATE_TRY(pins_.pin(fd.get(), name));
    missing = true;
  }
  if (handshakes_ && !pins_.has(kHandshakePin)) {
    TIDEGATE_TRY(pins_.pin(handshakes_.get(), kHandshakePin));
    missing = true;
  }
  return missing;
}

Status PinnedDatapath::put_blocks(std::span<const BlockEntry> entries) {
  return blocks_->put(entries, clock_.monotonic());
}

Status PinnedDatapath::remove_blocks(std::span<const Prefix> targets) {
  blocks_->remove(targets);
  return {};
}

Status PinnedDatapath::put_limits(std::span<const LimitEntry> entries) {
  return limits_->put(entries, clock_.monotonic());
}

Status PinnedDatapath::remove_limits(std::span<const Prefix> targets) {
  limits_->remove(targets);
  return {};
}

Status PinnedDatapath::put_flow_blocks(std::span<const FlowBlock> blocks) {
  return flow_blocks_->put(blocks, clock_.monotonic());
}

Status PinnedDatapath::remove_flow_blocks(std::span<const Connection> connections) {
  flow_blocks_->remove(connections);
  return {};
}

// Put first, dropped after: so nothing is missing meanwhile. Only when both together have no room is the rest put last,
// by reading the stream again.
Status PinnedDatapath::replace_entries(const EntryStream& stream) {
  std::uint64_t waiting = 0;
  blocks_->begin_replacement();
  limits_->begin_replacement();
  TIDEGATE_TRY(stream([&](const Entries& part) -> Status {
    waiting += blocks_->put_what_fits(part.blocks, clock_.monotonic());
    TIDEGATE_ASSIGN(const auto limits, limits_->put_what_fits(part.limits, clock_.monotonic()));
    waiting += limits;
    return {};
  }));
  blocks_->end_replacement();
  limits_->end_replacement();
  if (waiting == 0) return {};
  return stream([&](const Entries& part) -> Status {
    TIDEGATE_TRY(put_blocks(part.blocks));
    return put_limits(part.limits);
  });
}

Counters PinnedDatapath::counters() const {
  std::vector<unsigned> slots;
  {
    const std::lock_guard lock(policy_mutex_);
    slots = generations_->slots().counted();
  }
  return read_counters(loaded_.maps, slots, attachments_->ifindexes());
}

std::vector<TableFill> PinnedDatapath::tables() const {
  const auto now = clock_.monotonic();
  const auto& maps = loaded_.maps;
  return {
      {"buckets", sources_->buckets_in_debt(now), sources_->bucket_capacity(), maps.memory({"keys", "tats"})},
      {"blocks", blocks_->size(), blocks_->capacity(), maps.memory({"blocks", "block_stash", "block_filter"})},
      {"limits", limits_->size(), limits_->capacity(), maps.memory({"limits", "limit_filter"})},
      {"flow_blocks", flow_blocks_->size(), flow_blocks_->capacity(), maps.memory({"flow_blocks", "flow_filter"})},
      {"flows", sources_->fresh_flows(now), sources_->flow_capacity(), maps.memory({"flows"})},
      {"proven", proven_->bits(), proven_->bit_capacity(), maps.memory({"proven"})},
      {"services", slots().size(), TG_POLICY_SERVICES,
       maps.memory({"identity", "control", "host", "services", "ranges", "sources", "destinations", "source_entries",
                    "ceilings", "fresh", "aggregates", "service_slots"})},
      {"counters", 0, 0, maps.memory({"counters", "interfaces", "faults", "cpu"})},
      {"events", 0, 0, maps.memory({"events"})},
  };
}

std::vector<BucketState> PinnedDatapath::buckets_of(Address source) const {
  const std::lock_guard lock(policy_mutex_);
  return sources_->buckets_of(source, generations_->host(), generations_->slots());
}

bool PinnedDatapath::is_proven(Address source) const {
  const std::lock_guard lock(policy_mutex_);
  return proven_->test(sources_->proven_hash(source, generations_->host()));
}

Result<std::size_t> PinnedDatapath::poll_events(const std::function<void(const tg_event&)>& sink) {
  const std::lock_guard lock(events_mutex_);
  return events_->drain(sink);
}

void PinnedDatapath::rotate_proven() {
  const std::lock_guard lock(proven_mutex_);
  proven_->rotate();
}

void PinnedDatapath::sweep() {
  blocks_->sweep(clock_.monotonic());
  limits_->sweep(clock_.monotonic());
  flow_blocks_->sweep(clock_.monotonic());
  const std::lock_guard lock(proven_mutex_);
  proven_->widen_if_full([this] { static_cast<void>(wait_for_readers()); });
}

}  // namespace tidegate::kernel
