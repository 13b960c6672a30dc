// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/config/issues.hpp"

#include "agent/config/text_file.hpp"
#include "agent/policy/report.hpp"

namespace tidegate::config {

std::string issues_of(const std::vector<policy::Issue>& issues) {
  std::string text;
  for (const policy::Issue& issue : issues) {
    text += to_string(issue.location) + ": " + (issue.warning ? "warning: " : "") + issue.message + "\n";
  }
  return text;
}

std::string read_issues(const std::string& text) { return issues_of(read_policy(text).issues); }

std::string test_data(const std::string& name) { return read_text_file(TIDEGATE_TEST_DATA "/" + name).value(); }

}  // namespace tidegate::config
