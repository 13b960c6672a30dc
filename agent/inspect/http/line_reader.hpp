// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "agent/inspect/http/kept_bytes.hpp"

namespace tidegate::inspect::http {

// Splits one direction of HTTP/1 into lines. A line that lies whole in what is given is not copied.
class LineReader {
 public:
  enum class Result {
    kLine,
    kMore,     // everything given was taken; the line goes on
    kTooLong,  // the line was longer than `longest` and was left out, with its end
  };

  LineReader(MemoryBudget& budget, std::size_t longest) : kept_(budget), longest_(longest) {}

  // Takes the next line off the front of `rest`. `line` is without its end (CR LF, or a bare LF) and valid until the
  // next call. With `folds`, a following line that begins with a space or tab belongs to it (RFC 9112, 5.2: obs-fold).
  Result next(std::string_view& rest, std::string_view& line, bool folds);
  // What comes next begins a line.
  void reset();
  // What comes next is the rest of a line that was given up; its end is told as kTooLong.
  void drop_line();
  // What is there of a line whose end has not come.
  std::string_view begun() const { return delivered_ ? std::string_view() : kept_.text(); }

 private:
  Result resume(std::string_view& rest, std::string_view& line, bool folds);
  Result keep(std::string_view& rest);
  Result drop(std::string_view& rest);
  Result deliver(std::string_view& line);

  KeptBytes kept_;
  std::size_t longest_;
  bool ended_ = false;      // what is kept is a whole line, unless a continuation follows
  bool delivered_ = false;  // what is kept was given out and may go
  bool dropping_ = false;   // up to the end of the line
};

}  // namespace tidegate::inspect::http
