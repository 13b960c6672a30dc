// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "agent/base/error.hpp"

namespace tidegate::config {

// The largest policy or settings file that is read.
inline constexpr std::size_t kMostText = 1 << 20;

// The whole of a regular file or of standard input ("-"). Larger than `most` is kInvalidArgument.
Result<std::string> read_text_file(const std::filesystem::path& file, std::size_t most = kMostText);

}  // namespace tidegate::config
