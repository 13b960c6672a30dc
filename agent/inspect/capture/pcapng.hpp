// SPDX-License-Identifier: Apache-2.0
// What the readers of secrets know of pcapng (draft-ietf-opsawg-pcapng).
#pragma once

#include <cstdint>
#include <string>

#include "agent/base/error.hpp"

namespace tidegate::inspect::pcapng {

inline constexpr std::uint32_t kSection = 0x0a0d0d0a;  // the same in both byte orders
inline constexpr std::uint32_t kByteOrder = 0x1a2b3c4d;
inline constexpr std::uint32_t kSecrets = 0x0000000a;
inline constexpr std::uint32_t kTlsKeyLog = 0x544c534b;
inline constexpr std::uint32_t kLongestBlock = 16 << 20;  // as libpcap
inline constexpr std::uint32_t kHeader = 12;              // of a block: type, size, and as much of the smallest section
inline constexpr std::uint32_t kSecretsFrame = 20;        // type, both sizes, kind of secret and its size

inline bool is_block_size(std::uint32_t size) { return size >= kHeader && size % 4 == 0 && size <= kLongestBlock; }

inline Error damaged(std::uint64_t offset, const char* what) {
  return {ErrorCode::kDataLoss, "capture file damaged at offset " + std::to_string(offset) + ": " + what};
}

}  // namespace tidegate::inspect::pcapng
