// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/hpack_cut.hpp"

#include <algorithm>

namespace tidegate::inspect::http {
namespace {

// kLongestString as a length without Huffman coding: 127, and 65409 in groups of seven bits (RFC 7541, 5.1).
constexpr std::string_view kCutLength = "\x7f\x81\xff\x03";
static_assert(127 + 1 + 127 * 128 + 3 * 16384 == kLongestString);

constexpr unsigned kMore = 0x80;  // of a number's bytes behind the first

}  // namespace

std::string_view StringCutter::next(std::string_view& part) {
  if (cuts_ && state_ == State::kLength) return take_length(part);
  if (cuts_ && state_ == State::kString) return take_string(part);
  std::size_t size = cuts_ ? 0 : part.size();
  while (size < part.size() && (state_ == State::kStart || state_ == State::kIndex)) {
    step(static_cast<std::uint8_t>(part[size++]));
  }
  const std::string_view taken = part.substr(0, size);
  part.remove_prefix(size);
  return taken;
}

// RFC 7541, 6.1 to 6.3.
void StringCutter::step(std::uint8_t byte) {
  if (state_ == State::kIndex) {
    if ((byte & kMore) == 0) after_index();
    return;
  }
  const bool indexed = (byte & 0x80) != 0;
  const bool adds = !indexed && (byte & 0x40) != 0;
  const bool resizes = !indexed && !adds && (byte & 0x20) != 0;
  const unsigned most = indexed ? 0x7f : adds ? 0x3f : resizes ? 0x1f : 0x0f;
  literal_ = !indexed && !resizes;
  name_ = literal_ && (byte & most) == 0;
  state_ = State::kIndex;
  if ((byte & most) != most) after_index();
}

std::string_view StringCutter::take_length(std::string_view& part) {
  bool whole = false;
  while (!whole && !part.empty() && held_size_ < held_.size()) {
    const auto byte = static_cast<std::uint8_t>(part.front());
    whole = held_size_ == 0 ? (byte & 0x7f) != 0x7f : (byte & kMore) == 0;
    left_ = held_size_ == 0 ? byte & 0x7fU : left_ + (std::uint64_t{byte & 0x7fU} << (7 * (held_size_ - 1)));
    held_[held_size_++] = part.front();
    part.remove_prefix(1);
  }
  if (!whole && held_size_ < held_.size()) return {};
  cuts_ = whole;  // a number that is longer is for the decoder to refuse
  const std::string_view length(held_.data(), held_size_);
  held_size_ = 0;
  kept_ = std::min<std::uint64_t>(left_, kLongestString);
  state_ = State::kString;
  if (left_ == 0) string_ends();
  return left_ > kLongestString ? kCutLength : length;
}

std::string_view StringCutter::take_string(std::string_view& part) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, part.size()));
  const std::string_view kept = part.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(kept_, size)));
  part.remove_prefix(size);
  left_ -= size;
  kept_ -= kept.size();
  if (left_ == 0) string_ends();
  return kept;
}

void StringCutter::string_ends() {
  state_ = name_ ? State::kLength : State::kStart;
  name_ = false;
}

}  // namespace tidegate::inspect::http
