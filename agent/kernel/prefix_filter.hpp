// SPDX-License-Identifier: Apache-2.0
// The bit filter in front of the tables of blocks and limits: two bits per key in one cache line.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bpf/abi/state.h"

namespace tidegate::kernel {

// A view of filter lines that the datapath reads while they change. One writer at a time.
// Never a false negative: bits are only cleared by publish(), whose argument holds every present key.
class PrefixFilter {
 public:
  // `lines`: a power of two of them.
  explicit PrefixFilter(std::span<tg_filter_line> lines) : lines_(lines) {}

  void add(std::uint64_t hash);
  bool may_contain(std::uint64_t hash) const;
  void prefetch(std::uint64_t hash) const;
  std::size_t lines() const { return lines_.size(); }

  // Replaces the bits word by word. While that goes on a reader sees old or new words; both hold every present key.
  void publish(std::span<const tg_filter_line> fresh);

 private:
  std::span<tg_filter_line> lines_;
};

// Builds a filter in private memory and publishes it, so that keys removed meanwhile lose their bits.
class FilterRebuild {
 public:
  explicit FilterRebuild(PrefixFilter& target) : target_(target), lines_(target.lines()) {}
  void add(std::uint64_t hash) { PrefixFilter(lines_).add(hash); }
  void publish() { target_.publish(lines_); }

 private:
  PrefixFilter& target_;
  std::vector<tg_filter_line> lines_;
};

}  // namespace tidegate::kernel
