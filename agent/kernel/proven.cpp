// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/proven.hpp"

#include <algorithm>
#include <atomic>
#include <bit>

#include "agent/kernel/shared_word.hpp"
#include "bpf/stage/proven_bits.h"

namespace tidegate::kernel {
namespace {

constexpr std::uint32_t kWidthStep = 4;
constexpr std::uint64_t kFullAt = 16;  // one bit out of so many
constexpr std::uint32_t kWordsPerLine = 2 * TG_PROVEN_WORDS;
constexpr std::uint64_t kBitsPerLine = TG_PROVEN_WORDS * 64;  // of one generation

void merge(__u64& into, __u64 bits) {
  if ((load(into) & bits) != bits) std::atomic_ref<__u64>(into).fetch_or(bits, std::memory_order_relaxed);
}

}  // namespace

Proven::Proven(std::span<tg_proven_page> pages, tg_control& control) : pages_(pages), control_(&control) {
  const std::uint32_t present = load(control_->proven_lines);
  if (std::has_single_bit(present) && present <= all_lines()) return;
  store(control_->proven_lines, all_lines());
  if (bits() == 0) store(control_->proven_lines, std::min(kFewestLines, all_lines()));
}

std::uint32_t Proven::all_lines() const { return static_cast<std::uint32_t>(pages_.size() * TG_PROVEN_LINES_PER_PAGE); }

std::uint32_t Proven::lines() const { return load(control_->proven_lines); }

__u64* Proven::line_at(std::uint32_t line) const {
  return &pages_[tg_proven_page_of(line)].word[line % TG_PROVEN_LINES_PER_PAGE * kWordsPerLine];
}

bool Proven::test(std::uint64_t hash) const {
  const std::uint32_t line = tg_proven_line(hash, lines());
  return tg_proven_test(&pages_[tg_proven_page_of(line)], line, hash) != 0;
}

void Proven::rotate() {
  const std::uint32_t older = (load(control_->proven_active) & 1) ^ 1;
  for (auto& page : pages_) tg_proven_clear(&page, older);
  store(control_->proven_active, older);
}

std::uint64_t Proven::bits_of(std::uint32_t generation) const {
  std::uint64_t count = 0;
  for (std::uint32_t line = 0; line < lines(); ++line) {
    const __u64* words = line_at(line) + generation * TG_PROVEN_WORDS;
    for (std::uint32_t i = 0; i < TG_PROVEN_WORDS; ++i) {
      count += static_cast<std::uint64_t>(std::popcount(load(words[i])));
    }
  }
  return count;
}

std::uint64_t Proven::bits() const { return bits_of(0) + bits_of(1); }

// Whoever is found in line i of the narrow table is found in each of its parts of the wide one.
void Proven::copy_to(std::uint32_t narrow, std::uint32_t wide) {
  for (std::uint32_t line = narrow; line < wide; ++line) {
    const __u64* from = line_at(line & (narrow - 1));
    for (std::uint32_t i = 0; i < kWordsPerLine; ++i) merge(line_at(line)[i], load(from[i]));
  }
}

void Proven::widen_if_full(const std::function<void()>& wait_for_readers) {
  const std::uint32_t narrow = lines();
  if (narrow == all_lines()) return;
  if (std::max(bits_of(0), bits_of(1)) * kFullAt < narrow * kBitsPerLine) return;
  const std::uint32_t wide = std::min(narrow * kWidthStep, all_lines());
  copy_to(narrow, wide);
  store(control_->proven_lines, wide);
  wait_for_readers();
  copy_to(narrow, wide);  // who was proven meanwhile by the narrow table
}

}  // namespace tidegate::kernel
