// SPDX-License-Identifier: Apache-2.0
// Policy YAML, as anybody may hand it to `tidegate policy check`: whatever the bytes, the reader ends, stays in bounds
// and keeps its promises. The first byte chooses between policy and settings.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/config/check.hpp"
#include "agent/config/settings.hpp"
#include "agent/policy/diff.hpp"
#include "agent/policy/report.hpp"

namespace {

using tidegate::policy::Issue;

void require(bool condition) {
  if (!condition) std::abort();
}

// Each issue is one printable line, and there are at most a hundred of each stage.
void check_issues(const std::vector<Issue>& issues) {
  require(issues.size() <= 2 * tidegate::policy::Report::kMost);
  for (const Issue& issue : issues) {
    require(!issue.message.empty());
    require(tidegate::policy::printable(issue.message) == issue.message);
  }
}

void check_policy(const std::string& text) {
  const auto first = tidegate::config::check_policy(text);
  check_issues(first.issues);
  require(first.policy.text == text);
  if (!first.valid()) return;
  const auto second = tidegate::config::check_policy(text);
  require(second.valid());
  require(tidegate::policy::diff(first.policy, second.policy).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == '%') {
    check_issues(tidegate::config::read_settings(text).issues);
  } else {
    check_policy(text);
  }
  return 0;
}
