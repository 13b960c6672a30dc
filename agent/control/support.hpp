// SPDX-License-Identifier: Apache-2.0
// Everything a bug report needs, as text files; no secret, no address of a client but those of decisions.
#pragma once

#include <map>
#include <string>

#include "agent/control/environment.hpp"
#include "agent/control/status.hpp"

namespace tidegate::control {

// File name to text. What cannot be read is said in its file.
std::map<std::string, std::string> support_files(const Environment& environment, const StatusReport& status);

}  // namespace tidegate::control
