// SPDX-License-Identifier: Apache-2.0
// Behaviour rules as metrics. Rules are named by the policy, so that it bounds the number of series.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "agent/control/rule_report.hpp"

namespace tidegate::metrics {

// Nothing while no rule is in force.
void add_rules(std::vector<prometheus::MetricFamily>& families, const control::RuleReport& rules);

}  // namespace tidegate::metrics
