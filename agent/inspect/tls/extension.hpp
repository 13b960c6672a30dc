// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tidegate::inspect {

// Extensions that are read, by IANA's numbers.
enum Extension : std::uint16_t {
  kServerName = 0,
  kSignatureAlgorithms = 13,
  kAlpn = 16,
  kEncryptThenMac = 22,
  kPreSharedKey = 41,
  kEarlyData = 42,
  kSupportedVersions = 43,
};

}  // namespace tidegate::inspect
