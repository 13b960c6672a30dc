// SPDX-License-Identifier: Apache-2.0
// The Datapath over real maps and links.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/kernel/adoption.hpp"
#include "agent/kernel/attachments.hpp"
#include "agent/kernel/blocks.hpp"
#include "agent/kernel/events.hpp"
#include "agent/kernel/flow_blocks.hpp"
#include "agent/kernel/generations.hpp"
#include "agent/kernel/limits.hpp"
#include "agent/kernel/proven.hpp"
#include "agent/kernel/sources.hpp"

namespace tidegate::kernel {

class PinnedDatapath final : public Datapath {
 public:
  static Result<std::unique_ptr<PinnedDatapath>> open(const Options& options, const Clock& clock);

  bool adopted() const override { return adopted_; }
  std::string replaced_because() const override { return replaced_because_; }
  std::uint32_t active_generation() const override;
  const std::vector<Feature>& features() const override { return features_.list(); }

  Status apply(const policy::Image& image, const std::map<std::string, unsigned>& slots,
               std::uint32_t generation) override;
  std::map<std::string, unsigned> slots() const override;

  Result<AttachState> attach(const policy::Interface& interface) override;
  Status detach(const std::string& interface) override;
  std::vector<AttachState> attachments() const override { return attachments_->states(); }
  std::vector<AttachState> verify_attachments() override;

  Status put_blocks(std::span<const BlockEntry> entries) override;
  Status remove_blocks(std::span<const Prefix> targets) override;
  Status put_limits(std::span<const LimitEntry> entries) override;
  Status remove_limits(std::span<const Prefix> targets) override;
  Status put_flow_blocks(std::span<const FlowBlock> blocks) override;
  Status remove_flow_blocks(std::span<const Connection> connections) override;
  std::vector<FlowBlock> flow_blocks() const override { return flow_blocks_->all(); }
  Status replace_entries(const EntryStream& stream) override;

  Counters counters() const override;
  std::vector<TableFill> tables() const override;
  std::vector<BucketState> buckets_of(Address source) const override;
  bool is_proven(Address source) const override;

  Result<std::size_t> poll_events(const std::function<void(const tg_event&)>& sink) override;
  void rotate_proven() override;
  void sweep() override;

 private:
  PinnedDatapath(const Clock& clock, PinDirectory pins, Features features)
      : clock_(clock), pins_(std::move(pins)), features_(std::move(features)) {}
  Status load(const Options& options);
  Status place_maps(const Inspection& present, const Geometry& geometry);
  Status open_tables(const Options& options);
  Status finish_migration();
  Result<bool> restore_pins();
  bool is_migrating() const;
  Status wait_for_readers() const;

  const Clock& clock_;
  PinDirectory pins_;
  Features features_;
  Loaded loaded_;
  UniqueFd handshakes_;
  bool adopted_ = false;
  bool staged_ = false;  // the maps wait beside an outdated set that links still use
  std::string replaced_because_;
  std::optional<MappedArray<tg_control>> control_;

  mutable std::mutex policy_mutex_;  // guards generations_
  std::optional<Generations> generations_;
  std::optional<Sources> sources_;
  std::mutex proven_mutex_;  // guards rotation and widening
  std::optional<MappedArray<tg_proven_page>> proven_pages_;
  std::optional<Proven> proven_;
  std::unique_ptr<Blocks> blocks_;
  std::unique_ptr<Limits> limits_;
  std::unique_ptr<FlowBlocks> flow_blocks_;
  std::mutex events_mutex_;  // guards events_
  std::unique_ptr<EventReader> events_;
  mutable std::mutex pins_mutex_;  // guards staged_ and who puts pins in their places
  std::optional<Attachments> attachments_;
};

}  // namespace tidegate::kernel
