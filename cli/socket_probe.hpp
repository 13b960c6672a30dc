// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/outcome.hpp"

namespace tidegate::cli {

// Whether a path fits a Unix socket address.
Outcome<> check_socket_path(const std::string& path);

// Why nothing can be reached behind a Unix socket: absent, nobody listens, not allowed. Done when it can be.
Outcome<> probe_socket(const std::string& path);

}  // namespace tidegate::cli
