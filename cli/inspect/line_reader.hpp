// SPDX-License-Identifier: Apache-2.0
// Lines of a stream that anybody may have written, in bounded memory.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate::cli {

class LineReader {
 public:
  LineReader(std::istream& in, std::size_t most) : in_(in), most_(most), chunk_(64 * 1024) {}

  // The next line without its end; false: there is none. Of one longer than `most` only that much, and too_long().
  bool next(std::string& line);
  bool too_long() const { return too_long_; }
  std::uint64_t number() const { return number_; }  // of the line, from 1
  std::uint64_t bytes() const { return bytes_; }    // read so far

 private:
  bool fill();

  std::istream& in_;
  const std::size_t most_;
  std::vector<char> chunk_;
  std::string_view left_;
  bool too_long_ = false;
  std::uint64_t number_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace tidegate::cli
