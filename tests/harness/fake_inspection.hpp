// SPDX-License-Identifier: Apache-2.0
// Inspection as tests wish it to be.
#pragma once

#include <string>
#include <vector>

#include "agent/base/guarded.hpp"
#include "agent/inspection/report.hpp"

namespace tidegate::testing {

class FakeInspection final : public inspection::Inspection {
 public:
  struct State {
    inspection::Report report;
    std::vector<inspection::EndpointRow> rows;
    std::vector<policy::Policy> policies;  // as they came in force
    std::string published;
  };

  void set_policy(const policy::Policy& policy) override { state.lock()->policies.push_back(policy); }
  inspection::Report report() const override { return state.lock()->report; }
  std::vector<inspection::EndpointRow> endpoints(std::size_t most) const override {
    auto rows = state.lock()->rows;
    if (rows.size() > most) rows.resize(most);
    return rows;
  }
  Result<Published> publish(std::string_view lines) override {
    if (lines == "bad\n") return fail(ErrorCode::kInvalidArgument, "keys: a bad line");
    state.lock()->published += lines;
    return Published{.handed_on = 1, .dropped = 2};
  }

  mutable Guarded<State> state;
};

}  // namespace tidegate::testing
