// SPDX-License-Identifier: Apache-2.0
// The sections of a policy that name packets: services, limits, safelist, proxies.
#pragma once

#include <string>
#include <vector>

#include "agent/config/values.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::config {

// Each fills its part of `policy` from a node, or leaves the default where the node is nullptr.
void read_services(const Node* node, const Values& values, policy::Policy& policy);
void read_safelist(const Node* node, const Values& values, policy::Policy& policy);
void read_trusted_proxies(const Node* node, const Values& values, policy::Policy& policy);

// `{rate: 2000/s, burst: 4000}`; bytes where asked for.
std::optional<policy::Limit> read_limit(const Node* node, const std::string& what, bool is_bytes, const Values& values);

// Keeps a section that this version does not act on.
void keep_section(const std::string& path, const Node& node, policy::Policy& policy);

}  // namespace tidegate::config
