// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "agent/export/report.hpp"

namespace tidegate::metrics {

// Nothing where nothing is exported.
void add_exports(std::vector<prometheus::MetricFamily>& families, const std::vector<exports::Report>& reports);

}  // namespace tidegate::metrics
