// SPDX-License-Identifier: Apache-2.0
// Text in chunks, records out, within bounded memory. Inside tidegate_transfer only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "agent/decisions/transfer.hpp"

namespace tidegate::decisions {

class Splitter {
 public:
  // `text` is valid during the call only. `line`: where the record begins.
  using OnRecord = std::function<void(std::uint64_t line, std::string_view text)>;
  using OnError = std::function<void(std::uint64_t line, std::string message)>;

  // `first_line`: the number of the line that the first chunk begins in. Not for kNft.
  static std::unique_ptr<Splitter> create(Format format, std::uint64_t first_line, OnRecord on_record,
                                          OnError on_error);
  virtual ~Splitter() = default;

  virtual void feed(std::string_view chunk) = 0;
  virtual void finish() = 0;
};

std::unique_ptr<Splitter> make_json_splitter(std::uint64_t first_line, Splitter::OnRecord on_record,
                                             Splitter::OnError on_error);

}  // namespace tidegate::decisions
