// SPDX-License-Identifier: Apache-2.0
// Summaries in batches, without allocation in the steady state.
#pragma once

#include <vector>

#include "agent/inspect/model/summary.hpp"
#include "agent/inspect/wire/messages.hpp"

namespace tidegate::inspect::wire {

inline constexpr std::size_t kLongestSni = 255;
inline constexpr std::size_t kLongestAlpn = 255;
inline constexpr std::size_t kLongestJa4 = 64;

// One record, appended. Values beyond the bounds of summary.hpp are cut.
void encode_record(const Summary& summary, std::vector<std::byte>& out);

// Collects summaries into one message. Used by one thread.
class SummaryBatch {
 public:
  SummaryBatch();
  void add(const Summary& summary);
  // What encode_record() made.
  void add_record(Bytes record);
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Worth sending before another one is added.
  bool full() const { return message_.size() >= kBatchBytes; }
  // The whole message, as decode_to_agent() takes it.
  Bytes message() const { return message_; }
  void clear();

 private:
  std::vector<std::byte> message_;
  std::size_t size_ = 0;
};

// Reads Summaries::records. Used by one thread.
class SummaryReader {
 public:
  explicit SummaryReader(Bytes records) : left_(records) {}
  // The next one into `summary`, whose memory is used again; false: there is none, or what is there cannot be read.
  bool next(Summary& summary);
  // Everything was read, and was sound.
  bool complete() const { return sound_ && left_.empty(); }

 private:
  Bytes left_;
  bool sound_ = true;
};

}  // namespace tidegate::inspect::wire
