// SPDX-License-Identifier: Apache-2.0
// What to do, behind what is wrong.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/error.hpp"

namespace tidegate {

// "cannot bind x: Permission denied" becomes "cannot bind x: Permission denied; do this".
inline std::unexpected<Error> with_remedy(std::unexpected<Error> failed, std::string_view remedy) {
  failed.error().message += "; " + std::string(remedy);
  return failed;
}

}  // namespace tidegate
