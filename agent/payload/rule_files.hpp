// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "agent/base/error.hpp"

namespace tidegate::payload {

// Where Debian's modsecurity-crs has what an operator wrote to silence rules.
inline constexpr const char* kExclusions = "/etc/modsecurity/crs/REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf";

// The configuration of libmodsecurity: bounds, body processors, and those files of the Core Rule Set that tell of
// attacks in requests. kNotFound: it is not in that directory.
Result<std::string> configuration(const std::filesystem::path& rules);

}  // namespace tidegate::payload
