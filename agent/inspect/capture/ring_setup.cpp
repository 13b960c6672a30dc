// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/capture/ring_setup.hpp"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <bit>
#include <cerrno>
#include <string>

namespace tidegate::inspect {
namespace {

constexpr std::uint32_t kSmallestBlock = 128 << 10;
constexpr std::uint32_t kLargestBlock = 16 << 20;
constexpr std::uint32_t kMostBlocks = 4096;
// Packets of TPACKET_V3 take what they need; the kernel only checks that this divides a block.
constexpr std::uint32_t kFrameSize = 2048;

}  // namespace

Status check(const RingGeometry& geometry) {
  if (!std::has_single_bit(geometry.block_size) || geometry.block_size < kSmallestBlock ||
      geometry.block_size > kLargestBlock) {
    return fail(ErrorCode::kInvalidArgument, "capture ring: block size " + std::to_string(geometry.block_size) +
                                                 " is no power of two from 131072 to 16777216");
  }
  if (geometry.blocks < 2 || geometry.blocks > kMostBlocks) {
    return fail(ErrorCode::kInvalidArgument,
                "capture ring: " + std::to_string(geometry.blocks) + " blocks, not 2 to 4096");
  }
  return {};
}

Status set_up_ring(int socket, const RingGeometry& geometry, std::chrono::milliseconds retire) {
  TIDEGATE_TRY(check(geometry));
  if (retire < std::chrono::milliseconds(1) || retire > std::chrono::seconds(10)) {
    return fail(ErrorCode::kInvalidArgument, "capture ring: blocks are handed over after 1 ms to 10 s");
  }
  const int version = TPACKET_V3;
  if (setsockopt(socket, SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0) {
    return fail_errno(errno, "capture ring: cannot choose TPACKET_V3");
  }
  tpacket_req3 request{};
  request.tp_block_size = geometry.block_size;
  request.tp_block_nr = geometry.blocks;
  request.tp_frame_size = kFrameSize;
  request.tp_frame_nr = static_cast<unsigned>(geometry.bytes() / kFrameSize);
  request.tp_retire_blk_tov = static_cast<unsigned>(retire.count());
  if (setsockopt(socket, SOL_PACKET, PACKET_RX_RING, &request, sizeof request) != 0) {
    return fail_errno(
        errno, "capture ring: cannot allocate " + std::to_string(geometry.bytes()) + " bytes, lower inspect.memory");
  }
  return {};
}

}  // namespace tidegate::inspect
