// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/context.hpp"
#include "tidegate/v1/decisions.pb.h"

namespace tidegate::cli {

// What `block` and `limit` did, with ids and the command that undoes it. `verb`: "blocked".
void show_decided(Context& context, const std::string& verb, const ::tidegate::v1::BlockResponse& response);

}  // namespace tidegate::cli
