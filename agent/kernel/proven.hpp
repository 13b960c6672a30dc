// SPDX-License-Identifier: Apache-2.0
// Who completed a handshake: a Bloom filter of two generations that the datapath fills and asks
// (bpf/stage/proven_bits.h).
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "bpf/abi/state.h"

namespace tidegate::kernel {

// Every packet of an unknown source misses the cache on a large filter. So the datapath uses only as many lines of the
// map as who is proven needs: few at first, and four times as many whenever a generation is a sixteenth full, which
// keeps false positives below about 1 in 10,000. It never narrows again.
// Works on memory that the datapath reads and writes at the same time. One caller at a time for what changes.
class Proven {
 public:
  static constexpr std::uint32_t kFewestLines = 1024;  // 64 KiB, for 4,000 sources

  // Adopts what the memory holds. `pages` and `control` outlive this.
  Proven(std::span<tg_proven_page> pages, tg_control& control);

  // `hash`: tg_proven_hash of the source's prefix.
  bool test(std::uint64_t hash) const;
  // Forgets the older generation and writes that one from now on.
  void rotate();
  // Uses more lines when a generation has filled up. `wait_for_readers` returns when no program still goes by the
  // number of lines from before; called only after a change.
  void widen_if_full(const std::function<void()>& wait_for_readers);

  std::uint64_t bits() const;  // set in both generations, in the lines in use
  std::uint64_t bit_capacity() const { return pages_.size() * TG_PROVEN_PAGE * 8; }
  std::uint32_t lines() const;

 private:
  std::uint64_t bits_of(std::uint32_t generation) const;
  __u64* line_at(std::uint32_t line) const;
  void copy_to(std::uint32_t narrow, std::uint32_t wide);
  std::uint32_t all_lines() const;

  std::span<tg_proven_page> pages_;
  tg_control* control_;
};

}  // namespace tidegate::kernel
