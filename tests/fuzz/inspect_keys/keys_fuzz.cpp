// SPDX-License-Identifier: Apache-2.0
// Key lines from anybody who may write to a socket, FIFO or file: whatever the bytes and however they are cut, the same
// sessions come out, no more than the store holds, and nothing of a line stays in the splitter's buffer.
// The first byte chooses: datagram, or text cut into pieces of that size.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "agent/inspect/keys/key_line.hpp"
#include "agent/inspect/keys/key_text.hpp"

namespace {

using namespace tidegate;
using namespace tidegate::inspect;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Store {
  ManualClock clock;
  Counters counters;
  KeyStore keys{{.sessions = 4, .lock = false}, clock};
};

KeyLineCounts add_in_pieces(Store& store, Bytes text, std::size_t step) {
  std::array<char, kLongestKeyLine> line{};
  KeyLineCounts total;
  {
    KeyText lines(store.keys, line);
    const auto count = [&total](const KeyLineCounts& counts) {
      total.accepted += counts.accepted;
      total.malformed += counts.malformed;
    };
    for (std::size_t at = 0; at < text.size(); at += step) {
      count(lines.add(text.subspan(at, std::min(step, text.size() - at)), store.counters));
    }
    count(lines.finish(store.counters));
  }
  require(std::ranges::all_of(line, [](char c) { return c == 0; }));
  return total;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes text = std::as_bytes(std::span(data, size)).subspan(1);
  Store store;
  if (data[0] % 8 == 2) {
    add_key_datagram(store.keys, text, store.counters);
  } else {
    const KeyLineCounts cut = add_in_pieces(store, text, data[0] + 1U);
    Store other;
    const KeyLineCounts whole = add_key_text(other.keys, text, other.counters);
    require(cut.accepted == whole.accepted && cut.malformed == whole.malformed);
    require(store.counters.values() == other.counters.values());
    require(store.keys.size() == other.keys.size());
    require(whole.malformed == other.counters.of(Counter::kKeysMalformed));
  }
  require(store.keys.size() <= 4);
  std::uint64_t cursor = 0;
  const auto arrived = store.keys.arrived(cursor);
  require(arrived && arrived->size() == store.counters.of(Counter::kKeysAccepted));
  for (const auto& arrival : *arrived) {
    if (const auto found = store.keys.find(arrival.random)) store.keys.forget(*found);
  }
  store.clock.advance(std::chrono::minutes(5));
  store.keys.expire();
  require(store.keys.size() == 0);
  return 0;
}
