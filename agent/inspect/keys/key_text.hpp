// SPDX-License-Identifier: Apache-2.0
// Key lines out of a stream of bytes, however it is cut.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "agent/inspect/keys/key_store.hpp"
#include "agent/inspect/model/counters.hpp"
#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect {

inline constexpr std::size_t kLongestKeyLine = 1024;

struct KeyLineCounts {
  std::uint64_t accepted = 0;
  std::uint64_t malformed = 0;
};

// Puts lines together and adds them to a store. A line longer than kLongestKeyLine is dropped up to its end and counted
// as malformed once. Keeps nothing but the line that is not complete yet, in memory given to it, and wipes it.
// Used by one thread.
class KeyText {
 public:
  // `line` has kLongestKeyLine bytes and outlives this.
  KeyText(KeyStore& keys, std::span<char, kLongestKeyLine> line) : keys_(&keys), line_(line) {}
  ~KeyText();
  KeyText(const KeyText&) = delete;
  KeyText& operator=(const KeyText&) = delete;

  KeyLineCounts add(Bytes bytes, Counters& counters);
  // The end of the text: a last line without its newline counts.
  KeyLineCounts finish(Counters& counters);
  // Forgets the incomplete line.
  void reset();
  // There is no incomplete line.
  bool empty() const { return size_ == 0 && !too_long_; }

 private:
  void keep(std::string_view part);
  void line(std::string_view text, KeyLineCounts& counts, Counters& counters);

  KeyStore* keys_;
  std::span<char, kLongestKeyLine> line_;
  std::size_t size_ = 0;
  bool too_long_ = false;
};

// All of a text at once: a key log file, a pcapng block, a message of KeyService.Publish (whole lines).
KeyLineCounts add_key_text(KeyStore& keys, Bytes text, Counters& counters);

// One datagram of HAProxy's syslog, or of key lines. "LABEL RANDOM SECRET" triples are found wherever they stand,
// separated by blanks, line ends, ';' or '|'; what precedes the first label is syslog's. Secrets that are empty or "-"
// (a label that does not apply to this connection) are passed over.
KeyLineCounts add_key_datagram(KeyStore& keys, Bytes datagram, Counters& counters);

}  // namespace tidegate::inspect
