// SPDX-License-Identifier: Apache-2.0
// Any bytes as a captured frame, and any bytes as a block of the ring: no read out of bounds, lengths that add up.
#include <linux/if_packet.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "agent/inspect/capture/packet.hpp"
#include "agent/inspect/capture/ring.hpp"

namespace {

using namespace tidegate;
using namespace tidegate::inspect;

void require(bool condition) {
  if (!condition) std::abort();
}

void decode(LinkType link, Bytes data, std::uint32_t more) {
  const auto exact = std::make_unique<std::byte[]>(data.size());
  if (!data.empty()) std::memcpy(exact.get(), data.data(), data.size());
  const Bytes frame(exact.get(), data.size());
  const auto wire = static_cast<std::uint32_t>(frame.size()) + more;
  Segment segment;
  if (decode_packet(link, frame, wire, {}, segment) != PacketKind::kTcp) return;
  require(segment.payload.size() + segment.cut <= wire - 40);
  if (segment.payload.empty()) return;
  require(segment.payload.data() >= frame.data());
  require(segment.payload.data() + segment.payload.size() <= frame.data() + frame.size());
}

// The ring has two blocks; the first begins with what is given, is ready, and is read to its end.
void walk(Bytes data) {
  constexpr RingGeometry kGeometry{.block_size = 131'072, .blocks = 2};
  static std::vector<std::byte> memory(kGeometry.bytes());
  std::memcpy(memory.data(), data.data(), data.size());
  tpacket_block_desc description{};
  std::memcpy(&description, memory.data(), sizeof description);
  description.hdr.bh1.block_status = TP_STATUS_USER;
  std::memcpy(memory.data(), &description, sizeof description);
  Ring ring(memory, kGeometry);
  CapturedFrame frame;
  std::uint32_t frames = 0;
  while (ring.next(frame)) {
    require(frame.bytes.data() >= memory.data() + sizeof description);
    require(frame.bytes.data() + frame.bytes.size() <= memory.data() + kGeometry.block_size);
    require(++frames <= kGeometry.block_size / 48);
  }
  require(ring.fill() == 0);
  std::memset(memory.data(), 0, data.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const Bytes rest = std::as_bytes(std::span(data + 3, size - 3));
  if (data[0] % 6 == 5) {
    if (rest.size() >= sizeof(tpacket_block_desc)) walk(rest);
  } else {
    decode(static_cast<LinkType>(data[0] % 6), rest, static_cast<std::uint32_t>(data[1] << 8 | data[2]));
  }
  return 0;
}
