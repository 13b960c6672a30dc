// SPDX-License-Identifier: Apache-2.0
// Keys: where they come in, live, and what is said of them.
#pragma once

#include <map>
#include <set>

#include "agent/inspect/keys/key_sources.hpp"
#include "agent/inspect/keys/key_store.hpp"
#include "agent/inspect/keys/key_text.hpp"
#include "agent/inspect/wire/channel.hpp"

namespace tidegate::inspect::process {

// Used by the thread that reads the channel.
class KeyControl {
 public:
  // `keys`, `channel` and `clock` outlive it.
  KeyControl(KeyStore& keys, const wire::Channel& channel, const Clock& clock);

  void add(const wire::KeySource& source, UniqueFd descriptor);
  void remove(std::uint32_t id) { sources_.remove(id); }
  // Lines that the agent took from KeyService.Publish.
  void add_lines(const wire::KeyLines& lines);

  int wait_fd() const { return sources_.wait_fd(); }
  std::chrono::milliseconds wait_at_most() const { return sources_.wait_at_most(); }
  void work() { sources_.work(counters_); }
  // KeySourceEnded and KeyStatistics, when they are due.
  void report();

 private:
  void report_ended(const std::vector<KeySourceFigures>& figures);
  wire::KeyStatistics statistics(const std::vector<KeySourceFigures>& figures) const;
  std::uint64_t resident_bytes() const;

  KeyStore& keys_;
  const wire::Channel& channel_;
  const Clock& clock_;
  KeySources sources_;
  Counters counters_;
  std::map<std::uint32_t, KeyLineCounts> published_;  // by KeyLines::source; at most wire::kMostKeySources
  std::set<std::uint32_t> ended_;
  UniqueFd memory_file_;  // /proc/self/statm, opened while that was possible
  MonotonicTime next_report_{0};
  MonotonicTime next_expiry_{0};
};

}  // namespace tidegate::inspect::process
