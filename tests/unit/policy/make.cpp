// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/policy/make.hpp"

#include "agent/policy/match.hpp"
#include "agent/policy/report.hpp"

namespace tidegate::policy {
namespace {

std::string issues_of(const CompileInput& input, bool warnings) {
  std::string text;
  for (const Issue& issue : compile_all(input).issues) {
    if (issue.warning == warnings) text += to_string(issue.location) + ": " + issue.message + "\n";
  }
  return text;
}

}  // namespace

Service service(std::string name, std::initializer_list<std::string_view> matches,
                std::initializer_list<std::string_view> addresses, unsigned line) {
  Service result;
  result.name = std::move(name);
  result.location = {line, 5};
  for (const std::string_view text : matches) {
    result.match.push_back(parse_match(text).value());
    result.match.back().location = {++line, 13};
  }
  for (const std::string_view text : addresses) result.addresses.push_back(prefix(text));
  result.limits.packets = limit(100);
  return result;
}

Service default_service(std::string name) {
  Service result = service(std::move(name), {});
  result.is_default = true;
  return result;
}

Policy policy_of(std::initializer_list<Service> services) {
  Policy policy;
  policy.interfaces.push_back({.name = "eth0", .location = {}});
  policy.services = services;
  return policy;
}

CompileInput input_of(const Policy& policy) {
  return {.policy = policy, .extra_safelist = {}, .slots = {}, .ifindex_of = {}};
}

std::string errors_of(const CompileInput& input) { return issues_of(input, false); }
std::string errors_of(const Policy& policy) { return errors_of(input_of(policy)); }
std::string warnings_of(const Policy& policy) { return issues_of(input_of(policy), true); }

}  // namespace tidegate::policy
