// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <span>
#include <stdexcept>

#include "agent/base/unique_fd.hpp"

namespace tidegate::inspect {

// A nameless file at its start.
inline UniqueFd file_of(std::span<const std::byte> bytes) {
  UniqueFd file(memfd_create("test", MFD_CLOEXEC));
  if (!file || pwrite(file.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("memfd_create or pwrite failed");
  }
  return file;
}

}  // namespace tidegate::inspect
