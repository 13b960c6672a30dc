// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/prefix_filter.hpp"

#include "agent/kernel/shared_word.hpp"
#include "bpf/abi/hash.h"

namespace tidegate::kernel {
namespace {

constexpr unsigned kBitsPerWord = 64;

std::uint64_t bit_of(std::uint64_t hash, unsigned which) { return 1ULL << (tg_filter_bit(hash, which) % kBitsPerWord); }

unsigned word_of(std::uint64_t hash, unsigned which) { return tg_filter_bit(hash, which) / kBitsPerWord; }

std::size_t line_of(std::uint64_t hash, std::size_t lines) {
  return tg_filter_line_of(hash, static_cast<std::uint32_t>(lines));
}

}  // namespace

void PrefixFilter::add(std::uint64_t hash) {
  auto& line = lines_[line_of(hash, lines_.size())];
  for (unsigned which : {0U, 1U}) {
    auto& word = line.word[word_of(hash, which)];
    const __u64 present = load(word);
    store<__u64>(word, present | bit_of(hash, which));
  }
}

bool PrefixFilter::may_contain(std::uint64_t hash) const {
  const auto& line = lines_[line_of(hash, lines_.size())];
  return (load(line.word[word_of(hash, 0)]) & bit_of(hash, 0)) != 0 &&
         (load(line.word[word_of(hash, 1)]) & bit_of(hash, 1)) != 0;
}

void PrefixFilter::prefetch(std::uint64_t hash) const { __builtin_prefetch(&lines_[line_of(hash, lines_.size())], 1); }

void PrefixFilter::publish(std::span<const tg_filter_line> fresh) {
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    for (std::size_t word = 0; word < std::size(lines_[i].word); ++word) {
      store(lines_[i].word[word], fresh[i].word[word]);
    }
  }
}

}  // namespace tidegate::kernel
