// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/outbox.hpp"

#include <algorithm>

namespace tidegate::inspect::process {

wire::SummaryBatch* Outbox::writable() {
  if (filled_ > 0 && !at(filled_ - 1).full()) return &at(filled_ - 1);
  if (filled_ == batches_.size()) {
    if (batches_.size() == kBatches) return nullptr;
    std::ranges::rotate(batches_, batches_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
    batches_.emplace_back();
  }
  return &at(filled_++);
}

void Outbox::finished(const Summary& summary) {
  wire::SummaryBatch* batch = writable();
  if (batch == nullptr) {
    ++dropped_;
    return;
  }
  batch->add(summary);
  if (batch->full()) flush();
}

bool Outbox::flush() {
  while (filled_ > 0 && !gone_) {
    const auto sent = channel_.send(at(0).message(), wire::Wait::kNo);
    if (!sent) gone_ = true;
    if (!sent || !*sent) break;
    at(0).clear();
    first_ = (first_ + 1) % batches_.size();
    --filled_;
  }
  return !gone_;
}

}  // namespace tidegate::inspect::process
