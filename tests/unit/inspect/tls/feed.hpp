// SPDX-License-Identifier: Apache-2.0
// Feeds a recorded connection to a TlsStream and keeps what its reader was told.
#pragma once

#include <string>
#include <vector>

#include "agent/inspect/tls/tls_stream.hpp"
#include "tests/unit/inspect/tls/peers.hpp"

namespace tidegate::inspect::test {

inline constexpr auto kToServer = Direction::kToServer;
inline constexpr auto kToClient = Direction::kToClient;

// Plaintext that was skipped is written down as '~'.
class Collector final : public TlsReader {
 public:
  void established(TlsVersion version, const std::string& sni, const std::string& alpn,
                   const std::string& ja4) override;
  void data(Direction direction, Bytes bytes, WallTime time) override;
  void skipped(Direction direction, std::uint64_t size, WallTime time) override;
  void gap(Direction direction, std::uint64_t size, WallTime time) override;
  void end(Direction direction, StreamEnd how, WallTime time) override;
  std::uint64_t ignores(Direction direction) const override { return ignored[index_of(direction)]; }

  int establishments = 0;
  TlsVersion version = TlsVersion::kNone;
  std::string sni, alpn, ja4;
  std::string heard[2];
  std::vector<std::uint64_t> gaps[2];
  std::vector<StreamEnd> ends[2];
  std::vector<Direction> order;  // of data(), consecutive ones once
  std::uint64_t ignored[2] = {};
  WallTime last{};
  bool misused = false;  // called before established(), or after end()

 private:
  void check(Direction direction);
};

struct Bench {
  explicit Bench(TlsLimits limits = {}, std::uint64_t budget_bytes = 64 << 20)
      : budget(budget_bytes), context(make_tls_context(limits, keys, budget, counters)) {}

  void add_keys(const Transcript& transcript, const std::string& only = {}, const std::string& extension = {});
  std::unique_ptr<TlsStream> stream(bool mid_stream = false) {
    return make_tls_stream(*context, flow(), mid_stream, reader);
  }
  static Flow flow();
  static std::string extension(std::uint16_t cipher);
  // Everything, in pieces of at most `step` bytes (0: as it was sent), one millisecond apart; then both ends.
  void feed(TlsStream& stream, const Transcript& transcript, std::size_t step = 0, bool ends = true);

  ManualClock clock;
  KeyStore keys{{.sessions = 64, .unused = std::chrono::seconds(0), .lock = false}, clock};
  Counters counters;
  MemoryBudget budget;
  TlsContextPtr context;
  Collector reader;
  WallTime now{};
};

Bytes bytes_of(const std::string& text);

}  // namespace tidegate::inspect::test
