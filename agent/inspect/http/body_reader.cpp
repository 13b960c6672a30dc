// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/body_reader.hpp"

#include <algorithm>
#include <utility>

#include "agent/inspect/http/reader.hpp"
#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

constexpr std::uint64_t kLongestChunk = std::uint64_t{1} << 60;

}  // namespace

void BodyReader::start(State state, std::uint64_t left, bool chunked) {
  state_ = state;
  left_ = left;
  chunked_ = chunked;
  digits_ = false;
  ending_ = false;
}

bool BodyReader::take(std::string_view& rest, std::string_view& content) {
  content = {};
  if (state_ == State::kData || state_ == State::kUntilClose) {
    const std::size_t size = state_ == State::kData ? std::min<std::uint64_t>(left_, rest.size()) : rest.size();
    content = rest.substr(0, size);
    rest.remove_prefix(size);
    passed(size);
    return true;
  }
  while (!rest.empty() && state_ != State::kData && state_ != State::kDone) {
    if (skips_line()) rest.remove_prefix(std::min(rest.find('\n'), rest.size()));
    if (rest.empty()) break;
    const char c = rest.front();
    rest.remove_prefix(1);
    if (!line_char(c)) return false;
  }
  return true;
}

bool BodyReader::line_char(char c) {
  switch (state_) {
    case State::kSize:
      return size_char(c);
    case State::kExtension:
      return c != '\n' || size_line_ends();
    case State::kDataEnd:
      if (c == '\n') {
        start(State::kSize, 0, true);
        return true;
      }
      return c == '\r' && !std::exchange(ending_, true);
    default:
      return trailer_char(c);
  }
}

bool BodyReader::size_char(char c) {
  if (is_hex(c)) {
    left_ = left_ << 4 | hex_value(c);
    digits_ = true;
    return left_ < kLongestChunk;
  }
  if (!digits_) return false;
  if (c == '\n') return size_line_ends();
  state_ = State::kExtension;
  return c == ';' || c == '\r' || is_space(c);
}

bool BodyReader::size_line_ends() {
  state_ = left_ > 0 ? State::kData : State::kTrailer;
  blank_ = true;
  return true;
}

bool BodyReader::trailer_char(char c) {
  if (c == '\n') {
    if (blank_) state_ = State::kDone;
    blank_ = true;
  } else if (c != '\r') {
    blank_ = false;
  }
  return true;
}

std::uint64_t BodyReader::content_ahead() const {
  return state_ == State::kUntilClose ? kEverything : state_ == State::kData ? left_ : 0;
}

bool BodyReader::skip(std::uint64_t size) {
  if (size > content_ahead()) return false;
  passed(size);
  return true;
}

void BodyReader::passed(std::uint64_t size) {
  if (state_ != State::kData) return;
  left_ -= size;
  if (left_ > 0) return;
  if (chunked_) {
    start(State::kDataEnd, 0, true);
  } else {
    state_ = State::kDone;
  }
}

}  // namespace tidegate::inspect::http
