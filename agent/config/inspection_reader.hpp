// SPDX-License-Identifier: Apache-2.0
// What is looked into.
#pragma once

#include <string>

#include "agent/config/map_reader.hpp"
#include "agent/config/values.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::config {

// `tls`, `http`, `session` and `account` of a service.
policy::Inspection read_inspection(MapReader& service, const Values& values);

}  // namespace tidegate::config
