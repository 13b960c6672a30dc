// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/capture/ring.hpp"

#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/base/link_header.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::uint32_t kAddress = TPACKET_ALIGN(sizeof(tpacket3_hdr));  // where the sockaddr_ll of a frame is
constexpr std::uint32_t kFrameHeader = kAddress + sizeof(sockaddr_ll);

// The word that says whose a block is. The kernel writes it last.
std::atomic_ref<std::uint32_t> status_of(std::byte* block) {
  constexpr std::size_t kOffset = offsetof(tpacket_block_desc, hdr) + offsetof(tpacket_hdr_v1, block_status);
  return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(block + kOffset));
}

bool ready(std::byte* block) { return (status_of(block).load(std::memory_order_acquire) & TP_STATUS_USER) != 0; }

// Devices without a link header give packets from the IP header on.
LinkType link_type_of(const std::byte* frame) {
  sockaddr_ll address{};
  std::memcpy(&address, frame + kAddress, sizeof address);
  return is_raw_ip(address.sll_hatype) ? LinkType::kRawIp : LinkType::kEthernet;
}

// Packets of this host's own that a device is to finish, and ones that were verified, need no look; what GRO put
// together counts as the former, after it verified the parts.
ChecksumOrigin origin_of(const tpacket3_hdr& header) {
  constexpr std::uint32_t kSettled = TP_STATUS_CSUMNOTREADY | TP_STATUS_CSUM_VALID;
  return (header.tp_status & kSettled) != 0 ? ChecksumOrigin::kSettled : ChecksumOrigin::kFilledIn;
}

}  // namespace

Result<Ring> Ring::map(int socket, const RingGeometry& geometry) {
  TIDEGATE_TRY(check(geometry));
  void* memory = mmap(nullptr, geometry.bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, socket, 0);
  if (memory == MAP_FAILED) return fail_errno(errno, "capture ring: cannot map it");
  Ring ring({static_cast<std::byte*>(memory), geometry.bytes()}, geometry);
  ring.socket_ = socket;
  return ring;
}

Ring::Ring(std::span<std::byte> memory, const RingGeometry& geometry) : memory_(memory), geometry_(geometry) {}

Ring::Ring(Ring&& other) noexcept
    : memory_(std::exchange(other.memory_, {})),
      geometry_(other.geometry_),
      socket_(std::exchange(other.socket_, -1)),
      current_(other.current_),
      open_(other.open_),
      left_(other.left_),
      offset_(other.offset_),
      end_(other.end_),
      damaged_(other.damaged_),
      totals_(other.totals_) {}

Ring::~Ring() {
  if (socket_ >= 0) munmap(memory_.data(), memory_.size());
}

bool Ring::open_block() {
  std::byte* at = block(current_);
  if (!ready(at)) return false;
  tpacket_block_desc description{};
  std::memcpy(&description, at, sizeof description);
  const tpacket_hdr_v1& header = description.hdr.bh1;
  open_ = true;
  left_ = header.num_pkts;
  offset_ = header.offset_to_first_pkt;
  end_ = header.blk_len;
  const bool sound = end_ <= geometry_.block_size && offset_ >= sizeof description && (left_ == 0 || offset_ < end_);
  if (!sound) {
    ++damaged_;
    left_ = 0;
  }
  return true;
}

void Ring::close_block() {
  status_of(block(current_)).store(TP_STATUS_KERNEL, std::memory_order_release);
  current_ = (current_ + 1) % geometry_.blocks;
  open_ = false;
}

bool Ring::next(CapturedFrame& frame) {
  for (std::uint32_t visited = 0; visited <= geometry_.blocks; ++visited) {
    if (open_ && left_ > 0) {
      if (read_frame(frame)) return true;
      ++damaged_;
      left_ = 0;
    }
    if (open_) close_block();
    if (!open_block()) return false;
  }
  return false;
}

bool Ring::read_frame(CapturedFrame& frame) {
  if (end_ - offset_ < kFrameHeader) return false;
  const std::byte* at = block(current_) + offset_;
  tpacket3_hdr header{};
  std::memcpy(&header, at, sizeof header);
  const std::uint32_t room = end_ - offset_;
  if (header.tp_mac < kFrameHeader || header.tp_mac > room || header.tp_snaplen > room - header.tp_mac) return false;
  frame.link = link_type_of(at);
  frame.bytes = {at + header.tp_mac, header.tp_snaplen};
  frame.wire_size = header.tp_len;
  frame.checksum = origin_of(header);
  frame.time = WallTime(std::chrono::seconds(header.tp_sec) + std::chrono::nanoseconds(header.tp_nsec));
  if (--left_ > 0) {
    if (header.tp_next_offset < kFrameHeader || header.tp_next_offset >= room) {
      ++damaged_;
      left_ = 0;
    } else {
      offset_ += header.tp_next_offset;
    }
  }
  return true;
}

double Ring::fill() const {
  std::uint32_t waiting = 0;
  for (std::uint32_t i = 0; i < geometry_.blocks; ++i) waiting += ready(block(i)) ? 1 : 0;
  return static_cast<double>(waiting) / geometry_.blocks;
}

Result<Ring::Statistics> Ring::statistics() {
  if (socket_ < 0) return totals_;
  tpacket_stats_v3 since{};  // the kernel starts again at 0 with every call
  socklen_t size = sizeof since;
  if (getsockopt(socket_, SOL_PACKET, PACKET_STATISTICS, &since, &size) != 0) {
    return fail_errno(errno, "capture ring: cannot read its statistics");
  }
  totals_.packets += since.tp_packets;
  totals_.dropped += since.tp_drops;
  return totals_;
}

}  // namespace tidegate::inspect
