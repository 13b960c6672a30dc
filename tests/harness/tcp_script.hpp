// SPDX-License-Identifier: Apache-2.0
// TCP conversations as data: what each side says, as segments, as frames, as a capture file. Needs no network.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "agent/inspect/capture/packet.hpp"
#include "agent/inspect/model/flow.hpp"

namespace tidegate::test {

// A segment with its payload. view() lives as long as this does.
struct OwnedSegment {
  inspect::Segment head;  // its payload is empty
  std::vector<std::byte> payload;

  inspect::Segment view() const;
};

struct TcpScriptOptions {
  inspect::Flow flow = default_flow();
  std::uint32_t client_isn = 1000;
  std::uint32_t server_isn = 900'000;
  std::size_t segment_size = 1460;
  bool acknowledge = true;  // each side answers what the other said with an ACK, once per call
  WallTime start{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}};
  std::chrono::nanoseconds step{10'000};  // between segments

  static inspect::Flow default_flow();  // 198.51.100.7:40000 to 192.0.2.1:443
};

// TcpScript().handshake().client("GET / …").server("HTTP/1.1 200 …").close().segments(). Each call appends.
class TcpScript {
 public:
  explicit TcpScript(TcpScriptOptions options = {});

  TcpScript& handshake();
  // Bytes that one side sends, cut into segments.
  TcpScript& say(inspect::Direction direction, std::span<const std::byte> bytes);
  TcpScript& client(std::string_view text);
  TcpScript& server(std::string_view text);
  TcpScript& acknowledge(inspect::Direction from);  // everything the other side said so far
  TcpScript& full(inspect::Direction from);         // likewise, with a window of 0
  TcpScript& fin(inspect::Direction from);
  TcpScript& reset(inspect::Direction from);
  // FIN of the client, FIN of the server, the last ACK.
  TcpScript& close();
  // Bytes that were sent and never captured: the peer acknowledges them with its next segment.
  TcpScript& lose(inspect::Direction direction, std::size_t size);
  TcpScript& wait(std::chrono::nanoseconds time);

  std::vector<OwnedSegment> segments() const { return segments_; }
  // The sequence number that this side would send next.
  std::uint32_t next(inspect::Direction from) const { return next_[inspect::index_of(from)]; }

 private:
  OwnedSegment& append(inspect::Direction from);

  TcpScriptOptions options_;
  std::uint32_t next_[2];
  bool acknowledges_[2] = {false, false};  // whether this side has seen the other's SYN
  WallTime time_;
  std::vector<OwnedSegment> segments_;
};

struct TimedFrame {
  WallTime time{};
  std::vector<std::byte> bytes;
  std::uint32_t wire_size = 0;
};

// With right lengths and checksums. IPv4 where both addresses are.
std::vector<std::byte> to_frame(const inspect::Segment& segment, inspect::LinkType link = inspect::LinkType::kEthernet);
std::vector<TimedFrame> to_frames(std::span<const OwnedSegment> segments,
                                  inspect::LinkType link = inspect::LinkType::kEthernet);

// The bytes of a capture file with nanosecond times. `secrets` go into a decryption secrets block of pcapng.
std::vector<std::byte> to_pcap(std::span<const TimedFrame> frames,
                               inspect::LinkType link = inspect::LinkType::kEthernet);
std::vector<std::byte> to_pcapng(std::span<const TimedFrame> frames, std::string_view secrets = {},
                                 inspect::LinkType link = inspect::LinkType::kEthernet);

}  // namespace tidegate::test
