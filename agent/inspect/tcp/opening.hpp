// SPDX-License-Identifier: Apache-2.0
// What is known of a connection whose handshake is under way. Small: a SYN flood makes many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "agent/inspect/capture/packet.hpp"
#include "agent/inspect/model/memory.hpp"

namespace tidegate::inspect {

// Bytes that a SYN carried (TCP Fast Open, RFC 7413). They count once the server acknowledges them; otherwise they are
// sent again.
class SynData {
 public:
  SynData(Bytes bytes, MemoryShare& memory);
  ~SynData();
  SynData(const SynData&) = delete;
  SynData& operator=(const SynData&) = delete;
  // nullptr: nothing to keep, or a bound is reached.
  static std::unique_ptr<SynData> keep(Bytes bytes, MemoryShare& memory);

  Bytes bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  MemoryShare& memory_;
};

struct Opening {
  static constexpr std::uint8_t kNoScale = 255;
  static constexpr std::uint8_t kMostScale = 14;  // RFC 7323, 2.3

  std::optional<std::uint32_t> client = std::nullopt;  // initial sequence numbers
  std::optional<std::uint32_t> server = std::nullopt;
  std::uint32_t accepted = 0;  // bytes of the SYN that the server acknowledged
  std::uint16_t server_window = 0;
  std::uint8_t client_scale = kNoScale;  // of windows, as their SYNs say
  std::uint8_t server_scale = kNoScale;
  std::unique_ptr<SynData> data = nullptr;

  // By how many bits the windows are shifted that the receiver of `direction` says; as many as can be, where not known.
  std::uint8_t scale(Direction direction) const;
  bool seen() const { return client || server; }
  // A SYN and its answer; the caller knows from which side. An answer to another SYN than the one seen makes that SYN
  // the one that counts.
  void answer(const Segment& syn_ack);
  // Whether this client's segment ends the handshake.
  bool completed_by(const Segment& from_client) const;
  // Whether this client's segment acknowledges what the server, whose answer was seen, cannot have sent.
  bool contradicted_by(const Segment& from_client) const;
  // Whether a RST from this side would be believed (RFC 9293, 3.10.7.3).
  bool reset_by(const Segment& segment, bool from_client) const;
  // The bytes of the SYN that the client will not send again, as seen when `from_client` follows or nothing does.
  Bytes early_data(const Segment* from_client) const;
};

}  // namespace tidegate::inspect
