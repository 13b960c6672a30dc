// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tidegate::inspect::http {

// Counts the frames of one direction of a WebSocket connection (RFC 6455, 5.2), control frames and fragments included.
class FrameCounter {
 public:
  // Adds to the two counts; a frame counts when its header is there.
  void take(std::string_view bytes, std::uint64_t& frames, std::uint64_t& payload);
  // How many of the next bytes are payload.
  std::uint64_t payload_ahead() const { return broken_ ? ~std::uint64_t{0} : left_; }
  // False: they are not all payload; nothing changed.
  bool skip(std::uint64_t size, std::uint64_t& payload);
  // Frames can no longer be told apart.
  void lose() { broken_ = true; }

 private:
  std::size_t header_size() const;
  void header_ends(std::uint64_t& frames);

  std::array<unsigned char, 14> header_{};
  std::uint8_t have_ = 0;
  bool broken_ = false;
  std::uint64_t left_ = 0;
};

}  // namespace tidegate::inspect::http
