// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace tidegate::inspect::http {

// Finds the end of a message body (RFC 9112, 6 and 7), and what of it is content. Chunk extensions and trailers have no
// bound: servers pass over any number of them, and nothing of them is kept.
class BodyReader {
 public:
  void start_length(std::uint64_t length) { start(length > 0 ? State::kData : State::kDone, length, false); }
  void start_chunked() { start(State::kSize, 0, true); }
  void start_until_close() { start(State::kUntilClose, 0, false); }

  // Takes the next piece off the front of `rest`; of it, `content` is content. False: malformed.
  bool take(std::string_view& rest, std::string_view& content);
  bool done() const { return state_ == State::kDone; }
  bool until_close() const { return state_ == State::kUntilClose; }
  // How many of the next bytes are content and nothing else.
  std::uint64_t content_ahead() const;
  // Passes over as many bytes of content. False: they are not all content; nothing changed.
  bool skip(std::uint64_t size);

 private:
  enum class State : std::uint8_t {
    kDone,
    kData,
    kUntilClose,
    kSize,       // digits of a chunk's size
    kExtension,  // the rest of that line
    kDataEnd,    // line end after a chunk
    kTrailer,
  };

  void start(State state, std::uint64_t left, bool chunked);
  void passed(std::uint64_t size);
  bool size_char(char c);
  bool size_line_ends();
  bool trailer_char(char c);
  bool line_char(char c);
  // Nothing before the end of this line matters.
  bool skips_line() const { return state_ == State::kExtension || (state_ == State::kTrailer && !blank_); }

  std::uint64_t left_ = 0;  // of the body or chunk
  State state_ = State::kDone;
  bool chunked_ = false;
  bool blank_ = true;    // nothing in this trailer line yet
  bool digits_ = false;  // the chunk's size has some
  bool ending_ = false;  // the CR behind a chunk was there
};

}  // namespace tidegate::inspect::http
