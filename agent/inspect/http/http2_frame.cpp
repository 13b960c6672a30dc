// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/http2_frame.hpp"

#include <algorithm>
#include <cstring>

namespace tidegate::inspect::http {
namespace {

// Of payloads that have one size only (RFC 9113, 6.3 to 6.9).
bool fits(const FrameHead& head) {
  switch (head.type) {
    case FrameType::kReset:
    case FrameType::kWindowUpdate:
      return head.length == 4;
    case FrameType::kPriority:
      return head.length == 5;
    case FrameType::kPing:
      return head.length == 8;
    case FrameType::kSettings:
      return head.length % 6 == 0;
    case FrameType::kGoAway:
      return head.length >= 8;
    default:
      return true;
  }
}

}  // namespace

bool FrameWalker::take_head(std::string_view& rest) {
  const std::size_t size = std::min(rest.size(), kFrameHead - have_);
  std::memcpy(bytes_.data() + have_, rest.data(), size);
  rest.remove_prefix(size);
  have_ = static_cast<std::uint8_t>(have_ + size);
  if (have_ < kFrameHead) return false;
  head_.length = static_cast<std::uint32_t>(bytes_[0]) << 16 | static_cast<std::uint32_t>(bytes_[1]) << 8 | bytes_[2];
  head_.type = static_cast<FrameType>(bytes_[3]);
  head_.flags = bytes_[4];
  head_.stream = static_cast<std::uint32_t>(bytes_[5] & 0x7f) << 24 | static_cast<std::uint32_t>(bytes_[6]) << 16 |
                 static_cast<std::uint32_t>(bytes_[7]) << 8 | bytes_[8];
  return true;
}

bool FrameWalker::begin() {
  const bool may_pad =
      head_.type == FrameType::kData || head_.type == FrameType::kHeaders || head_.type == FrameType::kPushPromise;
  pad_length_next_ = may_pad && head_.has(kPadded);
  const bool priority = head_.type == FrameType::kHeaders && head_.has(kPriorityFlag);
  const int before = (pad_length_next_ ? 1 : 0) + (priority ? 5 : 0) + (head_.type == FrameType::kPushPromise ? 4 : 0);
  before_ = static_cast<std::uint8_t>(before);
  padding_ = 0;
  left_ = head_.length;
  have_ = 0;
  in_frame_ = true;
  return fits(head_) && left_ >= before_;
}

bool FrameWalker::take(std::string_view& rest, std::string_view& content) {
  content = {};
  if (before_ > 0) {
    const std::size_t size = std::min<std::size_t>(rest.size(), pad_length_next_ ? 1 : before_);
    if (pad_length_next_ && size > 0) {
      padding_ = static_cast<std::uint8_t>(rest.front());
      pad_length_next_ = false;
    }
    rest.remove_prefix(size);
    before_ = static_cast<std::uint8_t>(before_ - size);
    left_ -= static_cast<std::uint32_t>(size);
    return padding_ + before_ <= left_;
  }
  content = rest.substr(0, content_left());
  const std::size_t size = content.empty() ? std::min<std::size_t>(rest.size(), left_) : content.size();
  rest.remove_prefix(size);
  left_ -= static_cast<std::uint32_t>(size);
  return true;
}

void FrameWalker::skip(std::uint64_t size) {
  left_ -= static_cast<std::uint32_t>(std::min<std::uint64_t>(size, left_));
}

}  // namespace tidegate::inspect::http
