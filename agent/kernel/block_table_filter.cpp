// SPDX-License-Identifier: Apache-2.0
// The filter in front of the block table. The map is as large as a full table needs it, but every packet of an unknown
// source misses the cache on a large one: so the datapath uses only as many of its lines as there are entries for.
#include <algorithm>
#include <bit>

#include "agent/kernel/abi.hpp"
#include "agent/kernel/block_table.hpp"
#include "agent/kernel/shared_word.hpp"

namespace tidegate::kernel {
namespace {

constexpr std::uint64_t kStaleAtLeast = 4096;  // removals for which a rebuild is not worth it
constexpr std::size_t kFewestLines = 512;      // 32 KiB, near enough everywhere; for 16,384 entries
constexpr std::size_t kStep = 4;               // each change of width goes once through the table
constexpr std::size_t kEntriesPerLine = 32;    // 16 bits an entry

}  // namespace

// Takes over the width that is in use; an empty table begins with a narrow one.
void BlockTable::start_filter() {
  if (memory_.filter_lines == nullptr) return;
  std::size_t lines = load(*memory_.filter_lines);
  if (!std::has_single_bit(lines) || lines > memory_.filter.size()) lines = memory_.filter.size();
  if (size_ == 0) lines = std::min(kFewestLines, memory_.filter.size());
  filter_ = PrefixFilter(memory_.filter.first(lines));
  store(*memory_.filter_lines, static_cast<std::uint32_t>(lines));
}

void BlockTable::each_hash(const std::function<void(std::uint64_t)>& visit) const {
  for (Index index = 0; index < shadow_.size(); ++index) {
    if (key_at(index) != 0) visit(tg_prefix_hash(identity_.seed, key_at(index)));
  }
}

// Bits of the old width stay: a packet that read it just before finds what it looks for.
void BlockTable::use_filter_lines(std::size_t lines) {
  PrefixFilter next(memory_.filter.first(lines));
  each_hash([&](std::uint64_t hash) { next.add(hash); });
  filter_ = next;
  store(*memory_.filter_lines, static_cast<std::uint32_t>(lines));
}

void BlockTable::widen_filter() {
  if (filter_.lines() == memory_.filter.size() || size_ < filter_.lines() * kEntriesPerLine) return;
  use_filter_lines(std::min(filter_.lines() * kStep, memory_.filter.size()));
  widened_ = true;
}

void BlockTable::fit_filter(const std::function<void()>& wait_for_readers) {
  const std::size_t wide = filter_.lines();
  std::size_t lines = wide;
  while (lines / kStep >= kFewestLines && size_ * kStep <= lines / kStep * kEntriesPerLine) lines /= kStep;
  if (memory_.filter_lines == nullptr || (lines == wide && !widened_)) return;
  if (lines != wide) use_filter_lines(lines);
  wait_for_readers();
  widened_ = false;
  for (auto& line : memory_.filter.first(wide).subspan(lines)) {
    for (auto& word : line.word) store<__u64>(word, 0);
  }
  rebuild_filter();
}

void BlockTable::rebuild_filter_if_stale() {
  if (stale_ > kStaleAtLeast && stale_ > size_ / 4) rebuild_filter();
}

// Not while a packet may still read by a narrower width: then fit_filter() does it later.
void BlockTable::rebuild_filter() {
  if (widened_) return;
  FilterRebuild fresh(filter_);
  each_hash([&](std::uint64_t hash) { fresh.add(hash); });
  fresh.publish();
  stale_ = 0;
}

}  // namespace tidegate::kernel
