// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/order.hpp"

namespace tidegate::inspect::process {

std::uint64_t OrderedOutbox::began() {
  if (turns_.size() >= most_open_) skip_first();
  turns_.emplace_back();
  return first_ + turns_.size() - 1;
}

void OrderedOutbox::finished(const Summary& summary) {
  if (summary.sequence <= first_ || summary.sequence >= first_ + turns_.size()) {
    // Its turn is now, or was already.
    if (summary.sequence == first_ && !turns_.empty()) turns_.front().sent = true;
    batch_.add(summary);
    if (batch_.full()) flush();
    return pass_on();
  }
  Turn& turn = turns_[summary.sequence - first_];
  wire::encode_record(summary, turn.record);
  bytes_ += turn.record.size();
  if (bytes_ > kMostBytes) skip_first();
}

// The payload first: whoever reads of its turn finds the examiner at work on it.
bool OrderedOutbox::sampled(const Summary& summary, const Payload& payload) {
  if (!payloads_.serves()) return false;
  Summary mine = summary;
  mine.sequence = began();
  const bool sent = payloads_.send(mine, payload);
  if (sent) {
    finished(mine);
  } else {
    turns_.back().sent = true;
    pass_on();
  }
  return sent;
}

void OrderedOutbox::pass_on() {
  while (!turns_.empty() && (turns_.front().sent || !turns_.front().record.empty())) {
    if (!turns_.front().sent) batch_.add_record(turns_.front().record);
    if (batch_.full()) flush();
    bytes_ -= turns_.front().record.size();
    turns_.pop_front();
    ++first_;
  }
}

void OrderedOutbox::skip_first() {
  if (turns_.empty()) return;
  turns_.front().sent = true;
  pass_on();
}

void OrderedOutbox::finish() {
  while (!turns_.empty()) skip_first();
  flush();
}

void OrderedOutbox::flush() {
  if (batch_.empty()) return;
  if (connected_) connected_ = channel_.send(batch_.message(), wire::Wait::kYes).has_value();
  batch_.clear();
}

}  // namespace tidegate::inspect::process
