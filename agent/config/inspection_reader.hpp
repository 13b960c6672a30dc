// SPDX-License-Identifier: Apache-2.0
// Sections that later work acts on: checked as far as their grammar is settled, then kept.
#pragma once

#include <string>

#include "agent/config/map_reader.hpp"
#include "agent/config/values.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::config {

// `tls`, `session` and `account` of a service.
void read_inspection(MapReader& service, const std::string& name, const Values& values, policy::Policy& policy);

// `rules`. Reads which services exist, and which of them name sessions and accounts, from `policy`: call it last.
void read_rules(const Node* node, const Values& values, policy::Policy& policy);

}  // namespace tidegate::config
