// SPDX-License-Identifier: Apache-2.0
// Policies in few words, for tests.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>

#include "agent/policy/compile.hpp"

namespace tidegate::policy {

inline Address address(std::string_view text) { return Address::parse(text).value(); }
inline Prefix prefix(std::string_view text) { return Prefix::parse(text).value(); }
inline Rate per_second(std::uint64_t amount) { return {amount, std::chrono::seconds(1)}; }
inline Limit limit(std::uint64_t rate, std::optional<std::uint64_t> burst = {}) {
  return {per_second(rate), burst, {}};
}

// A service that limits packets to 100/s. Its matches stand in the lines from `line` + 1 on.
Service service(std::string name, std::initializer_list<std::string_view> matches,
                std::initializer_list<std::string_view> addresses = {}, unsigned line = 10);
Service default_service(std::string name);

// A policy with interface eth0.
Policy policy_of(std::initializer_list<Service> services);

CompileInput input_of(const Policy& policy);

// The errors (or warnings) of compile_all, each as "LINE:COL: text", joined by line breaks.
std::string errors_of(const CompileInput& input);
std::string errors_of(const Policy& policy);
std::string warnings_of(const Policy& policy);

}  // namespace tidegate::policy
