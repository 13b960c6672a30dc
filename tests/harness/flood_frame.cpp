// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/flood_frame.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace tidegate::harness {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::uint8_t kTcpSyn = 0x02, kTcpAck = 0x10;

std::uint32_t sum16(const std::uint8_t* data, std::size_t size) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < size; i += 2) sum += static_cast<std::uint32_t>(data[i] << 8 | data[i + 1]);
  return size % 2 == 1 ? sum + static_cast<std::uint32_t>(data[size - 1] << 8) : sum;
}

std::uint16_t fold(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::uint8_t protocol_of(FloodKind kind, bool v4) {
  switch (kind) {
    case FloodKind::kUdp:
      return IPPROTO_UDP;
    case FloodKind::kIcmp:
      return v4 ? std::uint8_t{IPPROTO_ICMP} : std::uint8_t{IPPROTO_ICMPV6};
    default:
      return IPPROTO_TCP;
  }
}

std::size_t l4_size(FloodKind kind) { return kind == FloodKind::kUdp || kind == FloodKind::kIcmp ? 8 : 20; }

std::size_t checksum_offset(FloodKind kind) {
  switch (kind) {
    case FloodKind::kUdp:
      return 6;
    case FloodKind::kIcmp:
      return 2;
    default:
      return 16;
  }
}

}  // namespace

FloodFrame::FloodFrame(const FloodTarget& target, std::uint64_t seed)
    : target_(target), v4_(target.destination.is_v4()), l4_(kEthernet + (v4_ ? 20 : 40)), random_(seed) {
  const std::size_t l4_bytes = l4_size(target.kind) + target.payload;
  bytes_.assign(l4_ + l4_bytes, 0);
  std::copy(target.destination_mac.begin(), target.destination_mac.end(), bytes_.begin());
  std::copy(target.source_mac.begin(), target.source_mac.end(), bytes_.begin() + 6);
  put16(12, v4_ ? 0x0800 : 0x86dd);
  const std::uint8_t protocol = protocol_of(target.kind, v4_);
  if (v4_) {
    bytes_[kEthernet] = 0x45;
    put16(kEthernet + 2, static_cast<std::uint32_t>(20 + l4_bytes));
    bytes_[kEthernet + 8] = 64;
    bytes_[kEthernet + 9] = protocol;
    put_address(kEthernet + 16, target.destination);
  } else {
    bytes_[kEthernet] = 0x60;
    put16(kEthernet + 4, static_cast<std::uint32_t>(l4_bytes));
    bytes_[kEthernet + 6] = protocol;
    bytes_[kEthernet + 7] = 64;
    put_address(kEthernet + 24, target.destination);
  }
  build_l4();
  randomise();
}

void FloodFrame::build_l4() {
  switch (target_.kind) {
    case FloodKind::kUdp:
      put16(l4_ + 2, target_.port);
      put16(l4_ + 4, static_cast<std::uint32_t>(bytes_.size() - l4_));
      break;
    case FloodKind::kIcmp:
      bytes_[l4_] = v4_ ? 8 : 128;
      break;
    default:
      put16(l4_ + 2, target_.port);
      bytes_[l4_ + 12] = 0x50;
      bytes_[l4_ + 13] = target_.kind == FloodKind::kSyn ? kTcpSyn : kTcpAck;
      put16(l4_ + 14, 64240);
  }
}

void FloodFrame::randomise() {
  const Address mask = Prefix::around({~0ULL, ~0ULL}, target_.sources.length).address;
  Address source = target_.sources.address;
  source.hi |= random_() & ~mask.hi;
  source.lo |= random_() & ~mask.lo;
  put_address(kEthernet + (v4_ ? 12 : 8), source);
  if (v4_) {
    put16(kEthernet + 10, 0);
    put16(kEthernet + 10, fold(sum16(&bytes_[kEthernet], 20)));
  }
  const std::uint64_t random = random_();
  if (target_.kind == FloodKind::kIcmp) {
    put16(l4_ + 4, random & 0xffff);
  } else {
    put16(l4_, 1024 + (random & 0x7fff));
    if (target_.kind != FloodKind::kUdp) put16(l4_ + 4, (random >> 16) & 0xffff);
  }
  checksum_l4();
}

void FloodFrame::checksum_l4() {
  const std::size_t size = bytes_.size() - l4_, at = l4_ + checksum_offset(target_.kind);
  put16(at, 0);
  std::uint32_t sum = sum16(&bytes_[l4_], size);
  if (!v4_ || target_.kind != FloodKind::kIcmp) {  // the pseudo header; ICMPv4 has none
    const std::size_t addresses = kEthernet + (v4_ ? 12 : 8);
    sum += sum16(&bytes_[addresses], v4_ ? 8 : 32) + protocol_of(target_.kind, v4_) + static_cast<std::uint32_t>(size);
  }
  put16(at, fold(sum));
}

void FloodFrame::put16(std::size_t offset, std::uint32_t value) {
  bytes_[offset] = static_cast<std::uint8_t>(value >> 8);
  bytes_[offset + 1] = static_cast<std::uint8_t>(value);
}

void FloodFrame::put_address(std::size_t offset, const Address& address) {
  for (std::size_t i = 0; i < (v4_ ? 4U : 16U); ++i) {
    const std::size_t from_right = (v4_ ? 3 : 15) - i;
    const std::uint64_t half = from_right >= 8 ? address.hi : address.lo;
    bytes_[offset + i] = static_cast<std::uint8_t>(half >> (from_right % 8 * 8));
  }
}

}  // namespace tidegate::harness
