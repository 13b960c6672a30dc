// SPDX-License-Identifier: Apache-2.0
// The state of the agent as Prometheus metrics (docs/metrics.md). No address is ever a label.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "agent/control/status.hpp"
#include "agent/telemetry/counters.hpp"

namespace tidegate::metrics {

std::vector<prometheus::MetricFamily> make_families(const control::StatusReport& status,
                                                    const std::vector<telemetry::ExactCount>& counts);

}  // namespace tidegate::metrics
