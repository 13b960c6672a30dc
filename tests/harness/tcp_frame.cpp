// SPDX-License-Identifier: Apache-2.0
// Segments as frames and as capture files.
#include <cstring>
#include <stdexcept>

#include "tests/harness/tcp_script.hpp"

namespace tidegate::test {
namespace {

using inspect::LinkType;

class Writer {
 public:
  explicit Writer(bool big_endian = true) : big_(big_endian) {}
  Writer& u8(std::uint64_t value) {
    bytes.push_back(static_cast<std::byte>(value));
    return *this;
  }
  Writer& number(std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i) u8(value >> (big_ ? size - 1 - i : i) * 8);
    return *this;
  }
  Writer& u16(std::uint64_t value) { return number(value, 2); }
  Writer& u32(std::uint64_t value) { return number(value, 4); }
  Writer& u64(std::uint64_t value) { return number(value, 8); }
  Writer& append(std::span<const std::byte> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return *this;
  }
  Writer& pad() {
    while (bytes.size() % 4 != 0) u8(0);
    return *this;
  }

  std::vector<std::byte> bytes;

 private:
  bool big_;
};

std::uint32_t sum_of(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += std::to_integer<std::uint64_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint32_t>(sum);
}

void put_checksum(std::vector<std::byte>& bytes, std::size_t at, std::uint32_t pseudo) {
  std::uint32_t sum = sum_of(bytes) + pseudo;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  bytes[at] = static_cast<std::byte>(~sum >> 8 & 0xff);
  bytes[at + 1] = static_cast<std::byte>(~sum & 0xff);
}

bool is_v4(const inspect::Segment& segment) {
  return segment.source.address.is_v4() && segment.destination.address.is_v4();
}

std::vector<std::byte> addresses(const inspect::Segment& segment) {
  Writer w;
  for (const auto* end : {&segment.source, &segment.destination}) {
    if (is_v4(segment)) {
      w.u32(end->address.lo & 0xffffffff);
    } else {
      w.u64(end->address.hi).u64(end->address.lo);
    }
  }
  return w.bytes;
}

std::vector<std::byte> tcp(const inspect::Segment& segment) {
  const unsigned flags = (segment.fin ? 1U : 0) | (segment.syn ? 2U : 0) | (segment.rst ? 4U : 0) |
                         (segment.payload.empty() ? 0 : 8U) | (segment.ack ? 16U : 0);
  Writer w;
  w.u16(segment.source.port).u16(segment.destination.port).u32(segment.sequence).u32(segment.acknowledged);
  w.u8(0x50).u8(flags).u16(segment.full ? 0 : 0xffff).u32(0).append(segment.payload);
  const auto pseudo = addresses(segment);
  put_checksum(w.bytes, 16, sum_of(pseudo) + 6 + sum_of(Writer().u32(w.bytes.size()).bytes));
  return w.bytes;
}

std::vector<std::byte> ip(const inspect::Segment& segment) {
  const auto rest = tcp(segment);
  const bool v4 = is_v4(segment);
  if (rest.size() + 20 > 65'535) throw std::length_error("tcp_script: a segment too large for IP");
  Writer w;
  if (v4) {
    w.u8(0x45).u8(0).u16(20 + rest.size()).u16(0).u16(0x4000).u8(64).u8(6).u16(0).append(addresses(segment));
    put_checksum(w.bytes, 10, 0);
  } else {
    w.u32(0x60000000).u16(rest.size()).u8(6).u8(64).append(addresses(segment));
  }
  return w.append(rest).bytes;
}

unsigned number_of(LinkType link) {  // https://www.tcpdump.org/linktypes.html
  switch (link) {
    case LinkType::kEthernet:
      return 1;
    case LinkType::kRawIp:
      return 101;
    case LinkType::kNull:
      return 0;
    case LinkType::kLinuxCooked:
      return 113;
    case LinkType::kLinuxCooked2:
      return 276;
  }
  return 1;
}

std::uint64_t nanoseconds(WallTime time) { return static_cast<std::uint64_t>(time.time_since_epoch().count()); }

// A pcapng block around its body.
void put_block(Writer& out, std::uint32_t type, Writer body) {
  body.pad();
  const std::size_t size = body.bytes.size() + 12;
  out.u32(type).u32(size).append(body.bytes).u32(size);
}

}  // namespace

std::vector<std::byte> to_frame(const inspect::Segment& segment, LinkType link) {
  const std::uint16_t type = is_v4(segment) ? 0x0800 : 0x86dd;
  Writer w;
  switch (link) {
    case LinkType::kEthernet:
      w.u16(0x0200).u32(1).u16(0x0200).u32(2).u16(type);
      break;
    case LinkType::kRawIp:
      break;
    case LinkType::kNull:
      w.append(Writer(false).u32(is_v4(segment) ? 2 : 10).bytes);
      break;
    case LinkType::kLinuxCooked:
      w.u16(0).u16(1).u16(6).u64(0x0200000000010000).u16(type);
      break;
    case LinkType::kLinuxCooked2:
      w.u16(type).u16(0).u32(1).u16(1).u8(0).u8(6).u64(0x0200000000010000);
      break;
  }
  return w.append(ip(segment)).bytes;
}

std::vector<TimedFrame> to_frames(std::span<const OwnedSegment> segments, LinkType link) {
  std::vector<TimedFrame> frames;
  for (const OwnedSegment& segment : segments) {
    auto bytes = to_frame(segment.view(), link);
    const auto size = static_cast<std::uint32_t>(bytes.size());
    frames.push_back({segment.head.time, std::move(bytes), size});
  }
  return frames;
}

std::vector<std::byte> to_pcap(std::span<const TimedFrame> frames, LinkType link) {
  Writer w(false);
  w.u32(0xa1b23c4d).u16(2).u16(4).u64(0).u32(262'144).u32(number_of(link));
  for (const TimedFrame& frame : frames) {
    const std::uint64_t time = nanoseconds(frame.time);
    w.u32(time / 1'000'000'000).u32(time % 1'000'000'000).u32(frame.bytes.size()).u32(frame.wire_size);
    w.append(frame.bytes);
  }
  return w.bytes;
}

std::vector<std::byte> to_pcapng(std::span<const TimedFrame> frames, std::string_view secrets, LinkType link) {
  Writer out(false);
  put_block(out, 0x0a0d0d0a, Writer(false).u32(0x1a2b3c4d).u16(1).u16(0).u64(~0ULL));
  Writer interface(false);
  interface.u16(number_of(link)).u16(0).u32(262'144);
  interface.u16(9).u16(1).u8(9).pad().u32(0);  // if_tsresol: nanoseconds
  put_block(out, 1, interface);
  if (!secrets.empty()) {
    Writer body(false);
    put_block(out, 10, body.u32(0x544c534b).u32(secrets.size()).append(std::as_bytes(std::span(secrets))));
  }
  for (const TimedFrame& frame : frames) {
    const std::uint64_t time = nanoseconds(frame.time);
    Writer body(false);
    body.u32(0).u32(time >> 32).u32(time & 0xffffffff).u32(frame.bytes.size()).u32(frame.wire_size);
    put_block(out, 6, body.append(frame.bytes));
  }
  return out.bytes;
}

}  // namespace tidegate::test
