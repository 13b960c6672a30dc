// SPDX-License-Identifier: Apache-2.0
// What is looked into, and the rules on what is seen there.
#pragma once

#include <string>

#include "agent/config/map_reader.hpp"
#include "agent/config/values.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::config {

// `tls`, `http`, `session` and `account` of a service.
policy::Inspection read_inspection(MapReader& service, const Values& values);

// `rules`: later work acts on them; checked as far as their grammar is settled, then kept. Reads which services exist,
// and which of them name sessions and accounts, from `policy`: call it last.
void read_rules(const Node* node, const Values& values, policy::Policy& policy);

}  // namespace tidegate::config
