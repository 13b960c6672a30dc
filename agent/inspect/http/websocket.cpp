// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/websocket.hpp"

#include <algorithm>

namespace tidegate::inspect::http {

// Of what is there so far: it grows when the length's first byte is.
std::size_t FrameCounter::header_size() const {
  if (have_ < 2) return 2;
  const unsigned length = header_[1] & 0x7f;
  const std::size_t mask = (header_[1] & 0x80) != 0 ? 4 : 0;
  return 2 + mask + (length == 126 ? 2 : length == 127 ? 8 : 0);
}

void FrameCounter::header_ends(std::uint64_t& frames) {
  const unsigned length = header_[1] & 0x7f;
  const std::size_t bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
  left_ = bytes == 0 ? length : 0;
  for (std::size_t i = 0; i < bytes; ++i) left_ = left_ << 8 | header_[2 + i];
  have_ = 0;
  ++frames;
  if (left_ >> 63 != 0) broken_ = true;  // the most significant bit must be 0
}

void FrameCounter::take(std::string_view bytes, std::uint64_t& frames, std::uint64_t& payload) {
  while (!bytes.empty() && !broken_) {
    if (left_ > 0) {
      const std::uint64_t size = std::min<std::uint64_t>(left_, bytes.size());
      bytes.remove_prefix(size);
      skip(size, payload);
      continue;
    }
    header_[have_++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (have_ == header_size()) header_ends(frames);
  }
}

bool FrameCounter::skip(std::uint64_t size, std::uint64_t& payload) {
  if (broken_) return true;
  if (size > left_) return false;
  left_ -= size;
  payload += size;
  return true;
}

}  // namespace tidegate::inspect::http
