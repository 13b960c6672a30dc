// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

namespace tidegate::cli {

// A POSIX ustar archive (IEEE Std 1003.1, pax) of small texts, all below `folder`. Names longer than the format holds
// are cut.
std::string make_tar(const std::string& folder, const std::map<std::string, std::string>& files, std::int64_t modified);

}  // namespace tidegate::cli
