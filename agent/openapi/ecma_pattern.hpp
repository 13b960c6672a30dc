// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidegate::openapi {

// A regular expression of ECMA-262 as one of RE2 that takes the same texts. None: it has something that RE2 has not
// (look-around, references to groups), or of which the two may think differently.
std::optional<std::string> re2_of(std::string_view pattern);

}  // namespace tidegate::openapi
