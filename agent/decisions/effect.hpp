// SPDX-License-Identifier: Apache-2.0
// How several decisions of one target become one effect. Pure.
#pragma once

#include <optional>

#include "agent/decisions/store.hpp"

namespace tidegate::decisions {

// What matters of a decision for its effect.
struct Part {
  Action action = Action::kBlock;
  std::optional<WallTime> expires;
  LimitRates limit;
};

// Folds the decisions in force of one target; their order does not matter.
class EffectBuilder {
 public:
  void add(const Part& part);
  Effect build(const Prefix& target) const;

 private:
  struct Bound {
    Rate rate;
    std::optional<WallTime> until;
  };
  static void tighten(std::optional<Bound>& held, const std::optional<Rate>& rate, std::optional<WallTime> until);

  bool blocked_ = false;
  std::optional<WallTime> blocked_until_;
  std::optional<Bound> packets_;
  std::optional<Bound> bytes_;
};

}  // namespace tidegate::decisions
