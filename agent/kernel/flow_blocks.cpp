// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/flow_blocks.hpp"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/kernel/abi.hpp"
#include "agent/kernel/shared_word.hpp"

namespace tidegate::kernel {
namespace {

constexpr std::size_t kFewestLines = 8;      // 512 bytes
constexpr std::size_t kStep = 4;             // of widths
constexpr std::size_t kEntriesPerLine = 32;  // 16 bits an entry
constexpr std::uint64_t kStaleAtLeast = 64;  // removals for which a rebuild is not worth it

tg_flow flow_of(const Connection& connection) {
  tg_flow flow{};
  flow.local = to_abi(connection.server);
  flow.remote = to_abi(connection.client);
  flow.local_port = connection.server_port;
  flow.remote_port = connection.client_port;
  flow.protocol = IPPROTO_TCP;
  return flow;
}

Connection connection_of(const tg_flow& flow) {
  return {.client = {flow.remote.hi, flow.remote.lo},
          .server = {flow.local.hi, flow.local.lo},
          .client_port = flow.remote_port,
          .server_port = flow.local_port};
}

tg_flow_block value_of(const FlowBlock& block) {
  tg_flow_block value{};
  value.expires = to_abi(block.expires);
  value.decision = block.decision;
  block.rule.copy(value.rule, sizeof value.rule - 1);
  return value;
}

FlowBlock block_of(const tg_flow& flow, const tg_flow_block& value) {
  constexpr std::uint64_t kLatest = INT64_MAX;
  return {.connection = connection_of(flow),
          .expires = MonotonicTime(static_cast<std::int64_t>(std::min<std::uint64_t>(value.expires, kLatest))),
          .decision = value.decision,
          .rule = std::string(value.rule, strnlen(value.rule, sizeof value.rule))};
}

// The lines that so many entries need.
std::size_t lines_for(std::size_t entries, std::size_t most) {
  std::size_t lines = kFewestLines;
  while (lines < most && entries > lines * kEntriesPerLine) lines *= kStep;
  return std::min(lines, most);
}

}  // namespace

std::size_t FlowBlocks::Hash::operator()(const tg_flow& flow) const { return tg_flow_hash(seed, &flow); }

bool FlowBlocks::Same::operator()(const tg_flow& a, const tg_flow& b) const {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

Result<std::unique_ptr<FlowBlocks>> FlowBlocks::open(const MapSet& maps, const tg_identity& identity,
                                                     tg_control& control, std::function<void()> wait_for_readers) {
  TIDEGATE_ASSIGN(auto filter, maps.mapped<tg_filter_line>("flow_filter"));
  TIDEGATE_ASSIGN(const MapShape shape, shape_of(maps.fd("flow_blocks"), "flow_blocks"));
  std::unique_ptr<FlowBlocks> blocks(new FlowBlocks(maps.fd("flow_blocks"), shape.max_entries, identity,
                                                    std::move(filter), control, std::move(wait_for_readers)));
  blocks->adopt();
  return blocks;
}

FlowBlocks::FlowBlocks(int fd, std::uint64_t capacity, const tg_identity& identity, MappedArray<tg_filter_line> filter,
                       tg_control& control, std::function<void()> wait_for_readers)
    : fd_(fd),
      capacity_(capacity),
      identity_(identity),
      lines_(std::move(filter)),
      used_lines_(control.flow_filter_lines),
      wait_for_readers_(std::move(wait_for_readers)),
      known_(0, Hash{identity_.seed}) {}

// What an agent left that died between two steps has its bits as well: adding one twice does no harm.
void FlowBlocks::adopt() {
  tg_flow flow{};
  for (int end = bpf_map_get_next_key(fd_, nullptr, &flow); end == 0; end = bpf_map_get_next_key(fd_, &flow, &flow)) {
    tg_flow_block value{};
    if (bpf_map_lookup_elem(fd_, &flow, &value) == 0) known_.emplace(flow, value.expires);
  }
  fit();
}

Status FlowBlocks::put(std::span<const FlowBlock> blocks, MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  for (const auto& block : blocks) TIDEGATE_TRY(put_one(block, to_abi(now)));
  return {};
}

// The bits come first: whoever finds the filter in use finds them.
Status FlowBlocks::put_one(const FlowBlock& block, std::uint64_t now) {
  const tg_flow flow = flow_of(block.connection);
  const tg_flow_block value = value_of(block);
  if (!known_.contains(flow) && known_.size() >= capacity_) drop_expired(now);
  if (!known_.contains(flow) && known_.size() >= capacity_) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("table flow_blocks is full at {} connections: delete decisions of rules, or block their "
                            "sources",
                            capacity_));
  }
  known_.insert_or_assign(flow, value.expires);
  widen();
  filter(used_lines_).add(tg_flow_hash(identity_.seed, &flow));
  if (bpf_map_update_elem(fd_, &flow, &value, BPF_ANY) == 0) return {};
  const int error = errno;
  forget(flow);
  return fail_errno(error, "cannot store a blocked connection");
}

void FlowBlocks::forget(const tg_flow& flow) {
  if (known_.erase(flow) == 0) return;
  bpf_map_delete_elem(fd_, &flow);
  ++stale_;
}

void FlowBlocks::remove(std::span<const Connection> connections) {
  const std::lock_guard lock(mutex_);
  for (const auto& connection : connections) forget(flow_of(connection));
}

void FlowBlocks::sweep(MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  drop_expired(to_abi(now));
  if (known_.empty() || (stale_ > kStaleAtLeast && stale_ > known_.size() / 4)) fit();
}

// At most 65,536 entries in the agent's own memory: bounded enough for one go.
void FlowBlocks::drop_expired(std::uint64_t now) {
  std::vector<tg_flow> expired;
  for (const auto& [flow, expires] : known_) {
    if (expires <= now) expired.push_back(flow);
  }
  for (const auto& flow : expired) forget(flow);
}

void FlowBlocks::add_all(PrefixFilter filter) const {
  for (const auto& [flow, expires] : known_) filter.add(tg_flow_hash(identity_.seed, &flow));
}

// Bits of the old width stay: a packet that read it just before finds what it looks for.
void FlowBlocks::widen() {
  const std::size_t lines = lines_for(known_.size(), lines_.size());
  if (lines <= used_lines_) return;
  add_all(filter(lines));
  store(used_lines_, static_cast<__u32>(lines));
}

// The bits of the present entries and no others, in as few lines as they need.
void FlowBlocks::fit() {
  if (known_.empty()) {
    if (used_lines_ != 0) store(used_lines_, __u32{0});
    stale_ = 0;
    return;
  }
  const std::size_t lines = lines_for(known_.size(), lines_.size());
  if (lines != used_lines_) {
    add_all(filter(lines));
    store(used_lines_, static_cast<__u32>(lines));
    wait_for_readers_();
    for (auto& line : lines_.values().subspan(lines)) {
      for (auto& word : line.word) store<__u64>(word, 0);
    }
  }
  PrefixFilter target = filter(lines);
  FilterRebuild fresh(target);
  for (const auto& [flow, expires] : known_) fresh.add(tg_flow_hash(identity_.seed, &flow));
  fresh.publish();
  stale_ = 0;
}

std::vector<FlowBlock> FlowBlocks::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<FlowBlock> blocks;
  blocks.reserve(known_.size());
  for (const auto& [flow, expires] : known_) {
    tg_flow_block value{};
    if (bpf_map_lookup_elem(fd_, &flow, &value) == 0) blocks.push_back(block_of(flow, value));
  }
  return blocks;
}

std::uint64_t FlowBlocks::size() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

}  // namespace tidegate::kernel
