// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "agent/inspect/model/memory.hpp"

namespace tidegate::inspect::http {

// Bytes that a peer sent and that must be kept for a while: taken from the budget, and wiped before the memory is given
// back, because there may be cookies in them.
class KeptBytes {
 public:
  explicit KeptBytes(MemoryBudget& budget) : budget_(&budget) {}
  ~KeptBytes() { release(); }
  KeptBytes(const KeptBytes&) = delete;
  KeptBytes& operator=(const KeptBytes&) = delete;

  // False: the budget is used up, nothing was appended.
  bool append(std::string_view bytes);
  // Takes bytes off the front.
  void consume(std::size_t size);
  // Takes what was appended last back off.
  void drop_back(std::size_t size) { end_ -= size; }
  void release();
  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }
  std::string_view text() const { return {memory_.get() + begin_, size()}; }
  MemoryBudget& budget() const { return *budget_; }

 private:
  bool grow(std::size_t more);

  MemoryBudget* budget_;
  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace tidegate::inspect::http
