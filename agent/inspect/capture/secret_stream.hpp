// SPDX-License-Identifier: Apache-2.0
// TLS secrets inside a pcapng that goes by and cannot be read twice, as from a pipe.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <utility>

#include "agent/base/error.hpp"
#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect {

// Is shown the capture from its beginning, in pieces of any size, and hands on the key log text of every decryption
// secrets block. Secrets are there in time for the packets behind them. Bounded memory, keeps no text. Used by one
// thread.
class SecretStream {
 public:
  // A piece of text, cut anywhere; `last`: of its block.
  using Take = std::function<void(Bytes text, bool last)>;
  explicit SecretStream(Take take) : take_(std::move(take)) {}

  void add(Bytes bytes);
  // kDataLoss: damaged, with the offset, and nothing is looked for behind it.
  const Status& status() const { return status_; }

 private:
  std::uint32_t number(std::size_t at) const;
  std::size_t add_head(Bytes bytes);
  std::size_t add_text(Bytes bytes);
  std::size_t skip(Bytes bytes);
  void begin_block();
  void begin_section();
  void begin_secrets();
  void damaged(const char* what);

  Take take_;
  Status status_;
  bool ended_ = false;
  bool swapped_ = false;
  std::uint64_t offset_ = 0;  // of the block
  std::array<std::byte, 16> head_{};
  std::size_t held_ = 0;    // of the head
  std::size_t wanted_ = 0;  // of the head, by now
  std::uint32_t text_ = 0;  // that is still to come
  std::uint32_t rest_ = 0;  // of the block, behind head and text
};

}  // namespace tidegate::inspect
