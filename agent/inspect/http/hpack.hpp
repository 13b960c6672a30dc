// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "agent/inspect/http/hpack_cut.hpp"
#include "agent/inspect/model/memory.hpp"

namespace tidegate::inspect::http {

// Memory for header tables: taken from the budget, and wiped when it is given back, because there are cookies in it.
// It must outlive the decoders that use it.
class HpackMemory {
 public:
  explicit HpackMemory(MemoryBudget& budget);
  HpackMemory(const HpackMemory&) = delete;
  HpackMemory& operator=(const HpackMemory&) = delete;
  nghttp2_mem* functions() { return &functions_; }

 private:
  nghttp2_mem functions_;
};

// Takes decoded fields.
class FieldSink {
 public:
  virtual ~FieldSink() = default;
  virtual void field(std::string_view name, std::string_view value) = 0;
};

// Decodes the header blocks of one direction (RFC 7541). A table of up to 64 KiB is followed; it is the encoder that
// says in its blocks when the size changes, so the peer's SETTINGS need not be seen for it.
class HpackDecoder {
 public:
  explicit HpackDecoder(HpackMemory& memory);

  // A block begins. `may_be_long`: it, as sent, may be longer than kLongestString.
  void begin(bool may_be_long) { cutter_.begin(may_be_long); }
  // The next part of a block, the `last` one or not. False: what comes can no longer be decoded.
  bool decode(std::string_view part, bool last, FieldSink& sink);

 private:
  struct Deleter {
    void operator()(nghttp2_hd_inflater* inflater) const { nghttp2_hd_inflate_del(inflater); }
  };
  bool inflate(std::string_view part, bool last, FieldSink& sink);

  std::unique_ptr<nghttp2_hd_inflater, Deleter> inflater_;
  StringCutter cutter_;
};

}  // namespace tidegate::inspect::http
