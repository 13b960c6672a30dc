// SPDX-License-Identifier: Apache-2.0
// Safelist and trusted proxies: the source table and the entries it points to.
#pragma once

#include "agent/policy/compile.hpp"
#include "agent/policy/report.hpp"

namespace tidegate::policy {

// Fills image.sources and image.entries and sets TG_HOST_HAS_SOURCES.
void compile_sources(const CompileInput& input, Image& image, Report& report);

}  // namespace tidegate::policy
