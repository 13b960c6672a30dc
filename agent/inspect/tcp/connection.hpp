// SPDX-License-Identifier: Apache-2.0
// One connection that is followed: both directions and who reads them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "agent/inspect/capture/packet.hpp"
#include "agent/inspect/tcp/doubted.hpp"
#include "agent/inspect/tcp/half_stream.hpp"
#include "agent/inspect/tcp/proof.hpp"

namespace tidegate::inspect {

class Connection {
 public:
  explicit Connection(std::unique_ptr<StreamSink> sink) : sink_(std::move(sink)) {}

  HalfStream& half(Direction direction) { return halves_[index_of(direction)]; }
  Outlet outlet(TcpContext& context, Direction direction, WallTime time) {
    return {context, *sink_, direction, time, lossy_, given_up_};
  }
  // A segment without SYN and RST. Tells the reader if it proves the client, before what it says itself.
  void take(TcpContext& context, Direction direction, const Segment& segment);
  // A segment that its receiver may well drop: counts once it is acknowledged, unless its bytes came otherwise.
  void doubt(TcpContext& context, Direction direction, const Segment& segment);
  // Ends what has not ended.
  void end(TcpContext& context, StreamEnd how, WallTime time);
  bool ended() const { return halves_[0].ended() && halves_[1].ended(); }
  bool proven() const { return proof_.given(); }
  // The server's SYN-ACK said that its first byte has this number.
  void server_begins(std::uint32_t sequence);
  // By how many bits the windows are shifted that the receiver of `direction` says.
  void scale_windows(Direction direction, std::uint8_t bits) { scales_[index_of(direction)] = bits; }

  enum class Reset : std::uint8_t { kIgnored, kDoubtful, kBelieved };
  // RFC 5961, 3.2: exact is believed, elsewhere in the window a receiver asks again and nothing is sure.
  Reset judge_reset(Direction direction, const Segment& segment) const;

  void give_up() { given_up_ = true; }
  bool given_up() const { return given_up_; }

  // A SYN that does not belong to this connection: if it is answered, the endpoints began a new one.
  std::optional<std::uint32_t> next_client;

 private:
  void believe_acknowledged(TcpContext& context, Direction direction, std::uint32_t acknowledged);
  void prove(TcpContext& context, WallTime time);
  static void mark_urgent(HalfStream& own, const Segment& segment);
  void note_window(Direction direction, const Segment& segment);
  bool is_near(Direction direction, const Segment& segment) const;

  std::unique_ptr<StreamSink> sink_;
  std::array<HalfStream, 2> halves_;
  std::array<std::unique_ptr<Doubted>, 2> doubted_;  // only while there are any
  Proof proof_;
  bool lossy_ = false;
  bool given_up_ = false;
  std::array<std::uint8_t, 2> scales_{};
  std::array<bool, 2> full_{};  // whether the receiver of a direction says so
};

}  // namespace tidegate::inspect
