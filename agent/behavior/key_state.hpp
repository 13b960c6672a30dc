// SPDX-License-Identifier: Apache-2.0
// What is remembered of one rule and key, in one cache line and what hangs on it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <variant>

#include "agent/behavior/distinct.hpp"
#include "agent/behavior/rule.hpp"
#include "agent/behavior/window.hpp"

namespace tidegate::behavior {

// How far a key got along the steps of a rule: for each step one chain of the steps up to it, each of which ended no
// earlier than the one before. It is the one that began last, and of those the one that ended first: the later it
// began, the longer it holds. Of steps that come in the order of their times that is all that has to be known; of
// others a chain may be missed, but there is none that was not walked.
class Steps {
 public:
  struct Chain {
    Micros began = kNever;
    Micros ended = kNever;
  };

  // Step `i` of `count` was taken at `time`.
  void take(std::size_t i, std::size_t count, Micros time) {
    if (!chains_) {
      chains_ = std::make_unique<Chain[]>(count);
      count_ = static_cast<std::uint8_t>(count);
    }
    const Chain before = i == 0 ? Chain{time, time} : chains_[i - 1];
    if (before.ended <= time && before.began > chains_[i].began) chains_[i] = {before.began, time};
  }
  Chain chain(std::size_t i) const { return chains_ ? chains_[i] : Chain{}; }
  std::size_t heap_bytes() const { return std::size_t{count_} * sizeof(Chain); }

 private:
  std::unique_ptr<Chain[]> chains_;
  std::uint8_t count_ = 0;
};

// Where an example's template is kept: TemplateStore.
struct ExampleMark {
  std::uint32_t second = 0;  // since the epoch
  std::uint32_t place = 0;
};

struct KeyState {
  Micros touched = kNever;
  std::variant<std::monostate, Window, DistinctSet, Steps> data;
  std::uint32_t rule = 0;
  float progress = 0;                     // towards the threshold; 1: reached
  std::array<ExampleMark, 2> examples{};  // the first since nothing was inside the window, and the latest

  std::size_t heap_bytes() const {
    return std::visit(
        [](const auto& inside) -> std::size_t {
          if constexpr (std::is_same_v<std::decay_t<decltype(inside)>, std::monostate>) {
            return 0;
          } else {
            return inside.heap_bytes();
          }
        },
        data);
  }
};
static_assert(sizeof(KeyState) <= 56, "with its key a state fills one cache line");

}  // namespace tidegate::behavior
