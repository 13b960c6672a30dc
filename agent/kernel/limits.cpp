// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/limits.hpp"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <vector>

#include "agent/kernel/abi.hpp"

namespace tidegate::kernel {
namespace {

constexpr std::uint64_t kStaleAtLeast = 256;  // removals for which a rebuild is not worth it

bool is_v4_key(std::uint64_t key) { return (key >> 63) != 0; }

tg_limit to_abi_limit(const LimitEntry& entry) {
  return {.expires = to_abi(entry.expires),
          .packets_cost = entry.packets_cost,
          .packets_burst = entry.packets_burst,
          .bytes_cost = entry.bytes_cost,
          .bytes_burst = entry.bytes_burst};
}

}  // namespace

Result<std::unique_ptr<Limits>> Limits::open(const MapSet& maps, const tg_identity& identity, tg_control& control,
                                             std::function<void()> wait_for_readers) {
  TIDEGATE_ASSIGN(auto filter, maps.mapped<tg_filter_line>("limit_filter"));
  TIDEGATE_ASSIGN(const MapShape shape, shape_of(maps.fd("limits"), "limits"));
  std::unique_ptr<Limits> limits(new Limits(maps.fd("limits"), shape.max_entries, identity, std::move(filter), control,
                                            std::move(wait_for_readers)));
  limits->adopt();
  return limits;
}

Limits::Limits(int fd, std::uint64_t capacity, const tg_identity& identity, MappedArray<tg_filter_line> filter,
               tg_control& control, std::function<void()> wait_for_readers)
    : fd_(fd),
      capacity_(capacity),
      identity_(identity),
      lines_(std::move(filter)),
      filter_(lines_.values()),
      publisher_(control.limits, control.limit_lengths, std::move(wait_for_readers)) {}

void Limits::adopt() {
  lengths_.adopt(publisher_.current());
  Key key = 0;
  for (int end = bpf_map_get_next_key(fd_, nullptr, &key); end == 0; end = bpf_map_get_next_key(fd_, &key, &key)) {
    tg_limit value{};
    if (bpf_map_lookup_elem(fd_, &key, &value) != 0) continue;
    const auto length = is_v4_key(key) ? static_cast<std::uint8_t>(key >> 32 & 0xff) : LengthCounts::kUnknown;
    if (known_.emplace(key, Known{value.expires, length, is_v4_key(key), false}).second)
      lengths_.add(is_v4_key(key), length);
  }
}

Status Limits::put(std::span<const LimitEntry> entries, MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  Status status;
  for (const auto& entry : entries) {
    status = put_one(entry, to_abi(now));
    if (!status) break;
  }
  publisher_.publish(lengths_.listed());
  return status;
}

Status Limits::put_one(const LimitEntry& entry, std::uint64_t now) {
  const Key key = prefix_key(identity_, entry.target);
  const bool is_v4 = entry.target.is_v4();
  if (!known_.contains(key) && known_.size() >= capacity_) sweep_locked(now);
  if (!known_.contains(key) && !lengths_.has_room_for(is_v4, entry.target.length)) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("limit {}: more than {} prefix lengths of one family: use fewer distinct prefix lengths",
                            entry.target.to_string(), TG_PREFIX_LENGTHS));
  }
  filter_.add(tg_prefix_hash(identity_.seed, key));
  const tg_limit value = to_abi_limit(entry);
  if (bpf_map_update_elem(fd_, &key, &value, BPF_ANY) != 0) {
    if (errno != E2BIG) return fail_errno(errno, fmt::format("cannot store limit {}", entry.target.to_string()));
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("limit {}: table limits is full at {} entries: remove limits", entry.target.to_string(),
                            capacity_));
  }
  if (const auto present = known_.find(key); present != known_.end()) {
    lengths_.remove(is_v4, present->second.length);
  }
  known_[key] = {value.expires, entry.target.length, is_v4, true};
  lengths_.add(is_v4, entry.target.length);
  return {};
}

void Limits::forget(Key key) {
  const auto found = known_.find(key);
  if (found == known_.end()) return;
  bpf_map_delete_elem(fd_, &key);
  lengths_.remove(found->second.is_v4, found->second.length);
  known_.erase(found);
  ++stale_;
}

void Limits::remove(std::span<const Prefix> targets) {
  const std::lock_guard lock(mutex_);
  for (const auto& target : targets) forget(prefix_key(identity_, target));
}

void Limits::begin_replacement() {
  const std::lock_guard lock(mutex_);
  for (auto& [key, known] : known_) known.kept = false;
}

Result<std::uint64_t> Limits::put_what_fits(std::span<const LimitEntry> entries, MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  std::uint64_t waiting = 0;
  for (const auto& entry : entries) {
    const Status status = put_one(entry, to_abi(now));
    if (!status && status.error().code != ErrorCode::kResourceExhausted) return std::unexpected(status.error());
    waiting += status ? 0 : 1;
  }
  publisher_.publish(lengths_.listed());
  return waiting;
}

void Limits::end_replacement() {
  const std::lock_guard lock(mutex_);
  std::vector<Key> surplus;
  for (const auto& [key, known] : known_) {
    if (!known.kept) surplus.push_back(key);
  }
  for (const Key key : surplus) forget(key);
  publisher_.publish(lengths_.listed());
  rebuild_filter();
}

void Limits::sweep(MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  sweep_locked(to_abi(now));
  if (stale_ > kStaleAtLeast && stale_ > known_.size() / 4) rebuild_filter();
  publisher_.publish(lengths_.listed());
}

// At most 65,536 entries in the agent's own memory: bounded enough for one go.
void Limits::sweep_locked(std::uint64_t now) {
  std::vector<Key> expired;
  for (const auto& [key, known] : known_) {
    if (known.expires <= now) expired.push_back(key);
  }
  for (const Key key : expired) forget(key);
}

void Limits::rebuild_filter() {
  FilterRebuild fresh(filter_);
  for (const auto& [key, known] : known_) fresh.add(tg_prefix_hash(identity_.seed, key));
  fresh.publish();
  stale_ = 0;
}

std::uint64_t Limits::size() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

}  // namespace tidegate::kernel
