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

// Each unit takes the smaller rate; one that only one of them limits takes that.
void tighten(LimitRates& held, const LimitRates& other);

// Folds the decisions in force of one target; their order does not matter.
class EffectBuilder {
 public:
  void add(const Part& part);
  Effect build(const Prefix& target) const;

 private:
  bool blocked_ = false;
  std::optional<WallTime> blocked_until_;
  bool limited_ = false;
  std::optional<WallTime> limited_until_;
  LimitRates limit_;
};

}  // namespace tidegate::decisions
