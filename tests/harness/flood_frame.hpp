// SPDX-License-Identifier: Apache-2.0
// Frames of the flood generator: built once, then only source and checksums change from packet to packet.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/base/error.hpp"

namespace tidegate::harness {

enum class FloodKind { kSyn, kAck, kUdp, kIcmp };

struct FloodTarget {
  FloodKind kind = FloodKind::kSyn;
  Prefix sources;  // each packet comes from a random address of it
  Address destination;
  std::uint16_t port = 80;
  std::size_t payload = 0;  // bytes after the L4 header
  std::array<std::uint8_t, 6> destination_mac{}, source_mac{};
};

class FloodFrame {
 public:
  FloodFrame(const FloodTarget& target, std::uint64_t seed);
  // Gives the frame another source address and source port, with right checksums (RFC 1071).
  void randomise();
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  void put16(std::size_t offset, std::uint32_t value);
  void put_address(std::size_t offset, const Address& address);
  void build_l4();
  void checksum_l4();

  FloodTarget target_;
  bool v4_;
  std::size_t l4_;
  std::vector<std::uint8_t> bytes_;
  std::mt19937_64 random_;
};

}  // namespace tidegate::harness
