// SPDX-License-Identifier: Apache-2.0
// What the readers say about a text, for tests.
#pragma once

#include <string>

#include "agent/config/check.hpp"
#include "agent/config/settings.hpp"

namespace tidegate::config {

// All issues, each as "LINE:COL: message\n" or "LINE:COL: warning: message\n".
std::string issues_of(const std::vector<policy::Issue>& issues);

// What read_policy says about the text of a policy.
std::string read_issues(const std::string& text);

// A file of tests/data.
std::string test_data(const std::string& name);

}  // namespace tidegate::config
