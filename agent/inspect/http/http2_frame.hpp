// SPDX-License-Identifier: Apache-2.0
// Frames of HTTP/2 (RFC 9113, 4 and 6), found in a stream of bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tidegate::inspect::http {

enum class FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kReset = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};
inline constexpr std::uint8_t kEndStream = 0x1;
inline constexpr std::uint8_t kEndHeaders = 0x4;
inline constexpr std::uint8_t kPadded = 0x8;
inline constexpr std::uint8_t kPriorityFlag = 0x20;
inline constexpr std::size_t kFrameHead = 9;

struct FrameHead {
  std::uint32_t length = 0;
  FrameType type = FrameType::kData;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  // HEADERS, PUSH_PROMISE, CONTINUATION.
  bool is_block() const {
    return type == FrameType::kHeaders || type == FrameType::kPushPromise || type == FrameType::kContinuation;
  }
};

// Walks over the frames of one direction.
class FrameWalker {
 public:
  // Takes bytes of a frame's head off the front of `rest`; true: head() is there, begin() is next.
  bool take_head(std::string_view& rest);
  // Nothing of the next head has come.
  bool fresh() const { return have_ == 0; }
  // Unreads the last byte of a head, because the frame must wait.
  void step_back() { --have_; }
  const FrameHead& head() const { return head_; }

  // Starts the payload. False: its size cannot be right.
  bool begin();
  bool in_frame() const { return in_frame_; }
  // Takes the next bytes of the payload that are neither padding nor what stands before the content proper (pad length,
  // priority, promised stream); empty when those were taken. False: padding longer than the frame.
  bool take(std::string_view& rest, std::string_view& content);
  // Passes over bytes of the payload; at most left().
  void skip(std::uint64_t size);
  // Content and padding. 0 while what stands before the content has not come.
  std::uint32_t left() const { return before_ == 0 ? left_ : 0; }
  std::uint32_t content_left() const { return before_ == 0 && left_ > padding_ ? left_ - padding_ : 0; }
  bool done() const { return left_ == 0; }
  void leave() { in_frame_ = false; }

 private:
  std::array<unsigned char, kFrameHead> bytes_{};
  std::uint8_t have_ = 0;
  bool in_frame_ = false;
  bool pad_length_next_ = false;
  std::uint8_t before_ = 0;   // bytes ahead of the content
  std::uint8_t padding_ = 0;  // bytes behind it
  std::uint32_t left_ = 0;
  FrameHead head_;
};

}  // namespace tidegate::inspect::http
