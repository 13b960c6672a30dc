// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/capture/checksum.hpp"

#include <bit>
#include <cstring>

namespace tidegate::inspect {
namespace {

constexpr std::size_t kField = 16;  // where in a header
constexpr std::uint64_t kTcpNumber = 6;
constexpr std::uint64_t kHalf = 0xffffffff;

// RFC 1071: words of any width may be added, the carries go round.
std::uint16_t folded(std::uint64_t sum) {
  sum = (sum & kHalf) + (sum >> 32);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// Added in the machine's byte order, which only turns the result round.
std::uint16_t sum_of(Bytes bytes) {
  std::uint64_t sum = 0;
  for (; bytes.size() >= sizeof(std::uint32_t); bytes = bytes.subspan(sizeof(std::uint32_t))) {
    std::uint32_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    sum += word;
  }
  std::uint32_t rest = 0;
  if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
  const std::uint16_t result = folded(sum + rest);
  return std::endian::native == std::endian::little ? __builtin_bswap16(result) : result;
}

// The part of a v4-mapped address that IPv4 does not have adds 0xffff, which is nothing.
std::uint64_t sum_of(const Address& address) {
  return (address.hi >> 32) + (address.hi & kHalf) + (address.lo >> 32) + (address.lo & kHalf);
}

// 0 and 0xffff are the same number.
bool same(std::uint16_t a, std::uint16_t b) { return a % 0xffff == b % 0xffff; }

}  // namespace

Checksum judge_checksum(const Address& source, const Address& destination, Bytes tcp, ChecksumOrigin origin) {
  if (origin == ChecksumOrigin::kSettled) return Checksum::kUnknown;
  const std::uint64_t pseudo = sum_of(source) + sum_of(destination) + kTcpNumber + tcp.size();
  const std::uint16_t field = static_cast<std::uint16_t>(std::to_integer<unsigned>(tcp[kField]) << 8 |
                                                         std::to_integer<unsigned>(tcp[kField + 1]));
  // What Linux leaves in the field for the device to go on with.
  if (origin == ChecksumOrigin::kUntold && same(field, folded(pseudo))) return Checksum::kUnknown;
  if (folded(pseudo + sum_of(tcp)) == 0xffff) return Checksum::kRight;
  return origin == ChecksumOrigin::kUntold ? Checksum::kDoubtful : Checksum::kWrong;
}

}  // namespace tidegate::inspect
