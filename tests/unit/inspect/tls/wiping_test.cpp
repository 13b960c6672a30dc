// SPDX-License-Identifier: Apache-2.0
// What is left of a connection when it ended.
#include <gtest/gtest.h>

#include <algorithm>
#include <new>

#include "agent/inspect/tls/tls_context.hpp"
#include "tests/unit/inspect/tls/feed.hpp"

namespace tidegate::inspect::test {
namespace {

using Ended = std::function<void(Bench&, std::unique_ptr<TlsStream>&)>;

// A connection of which a record was looked at by its last block, then `ended`.
void expect_no_key_after(const PeerSetup& setup, const Ended& ended) {
  Peers peers(setup);
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  peers.say(kToClient, "head");
  peers.say(kToClient, std::string(3000, 'b'));
  Bench bench;
  bench.add_keys(peers.transcript());
  auto stream = bench.stream();
  bench.reader.ignored[1] = ~0ULL;
  bench.feed(*stream, peers.transcript(), 0, false);
  ASSERT_EQ(bench.counters.of(Counter::kSkippedBytes), 3000U);
  ASSERT_TRUE(bench.context->ciphers.keyed()) << "nothing was looked at";
  ended(bench, stream);
  EXPECT_FALSE(bench.context->ciphers.keyed());
}

TEST(WipingTest, NoKeyOfAnEndedConnectionIsKept) {
  for (const PeerSetup& setup :
       {PeerSetup{.suites = "TLS_AES_128_GCM_SHA256"}, PeerSetup{.suites = "TLS_CHACHA20_POLY1305_SHA256"},
        PeerSetup{.version = TLS1_2_VERSION, .suites = "ECDHE-RSA-AES256-SHA384"}}) {
    SCOPED_TRACE(setup.suites);
    expect_no_key_after(setup, [](Bench&, std::unique_ptr<TlsStream>& stream) { stream.reset(); });
  }
}

TEST(WipingTest, NorOfOneThatWasGivenUp) {
  expect_no_key_after({}, [](Bench& bench, std::unique_ptr<TlsStream>& stream) {
    stream->data(kToServer, bytes_of("this is no record"), bench.now);
    EXPECT_EQ(stream->state(), TlsState::kFailed);
  });
}

TEST(WipingTest, ThePlaintextGoesWithItsContext) {
  alignas(Scratch) static std::array<std::byte, sizeof(Scratch)> storage;
  auto* scratch = new (storage.data()) Scratch;
  std::ranges::fill(scratch->bytes, std::byte{'s'});
  scratch->~Scratch();
  EXPECT_EQ(std::ranges::count(storage, std::byte{'s'}), 0);
}

}  // namespace
}  // namespace tidegate::inspect::test
