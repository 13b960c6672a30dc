// SPDX-License-Identifier: Apache-2.0
// RFC 6455 after an upgrade of HTTP/1.
#include <gmock/gmock.h>

#include "tests/unit/inspect/http/support.hpp"

namespace tidegate::inspect::test {
namespace {

using ::testing::SizeIs;

const std::string kAsk =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: x\r\n\r\n";
const std::string kSwitch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

std::string ws(unsigned first, std::size_t size, bool masked) {
  std::string text(1, static_cast<char>(first));
  const char mask = masked ? '\x80' : '\0';
  if (size < 126) {
    text += static_cast<char>(mask | static_cast<char>(size));
  } else if (size < 65536) {
    text += static_cast<char>(mask | 126);
    text += {static_cast<char>(size >> 8), static_cast<char>(size)};
  } else {
    text += static_cast<char>(mask | 127);
    for (int i = 7; i >= 0; --i) text += static_cast<char>(size >> (8 * i));
  }
  return text + (masked ? "mask" : "") + std::string(size, 'p');
}

WebSocketCounts counts_of(const Result& result) {
  EXPECT_THAT(result.summaries, SizeIs(1));
  if (result.summaries.size() != 1 || !result.summaries[0].websocket) return {};
  EXPECT_EQ(result.summaries[0].status, 101);
  return *result.summaries[0].websocket;
}

TEST(WebSocket, CountsFramesOfEachSide) {
  const Result result = run_every_way({says(kClient, kAsk), says(kServer, kSwitch + ws(0x81, 5, false)),
                                       says(kClient, ws(0x81, 3, true) + ws(0x89, 0, true)),
                                       says(kServer, ws(0x8a, 0, false) + ws(0x02, 200, false) + ws(0x80, 1, false)),
                                       says(kClient, ws(0x88, 2, true)), ends(kServer), ends(kClient)});
  const WebSocketCounts counts = counts_of(result);
  EXPECT_EQ(counts.client_frames, 3U);
  EXPECT_EQ(counts.client_bytes, 5U);
  EXPECT_EQ(counts.server_frames, 4U);
  EXPECT_EQ(counts.server_bytes, 206U);
  EXPECT_EQ(result.counters.of(Counter::kRequestsUnfinished), 0U);
  EXPECT_EQ(result.skipped, 211U);
}

TEST(WebSocket, LongFramesAndLoss) {
  const std::string large = ws(0x82, 70'000, true);
  Script script = {says(kClient, kAsk),
                   says(kServer, kSwitch),
                   says(kClient, large.substr(0, 100)),
                   loses(kClient, 60'000),
                   says(kClient, large.substr(60'100)),
                   says(kClient, ws(0x81, 1, true)),
                   ends(kClient),
                   ends(kServer)};
  const Result result = run(script);
  EXPECT_EQ(counts_of(result).client_frames, 2U);
  EXPECT_EQ(counts_of(result).client_bytes, 70'001U);
  EXPECT_TRUE(result.summaries[0].lossy);
  script[3] = loses(kClient, 0);
  EXPECT_EQ(counts_of(run(script)).client_frames, 1U) << "frames after that cannot be told apart";
}

TEST(WebSocket, ALengthThatCannotBe) {
  const std::string impossible("\x82\x7f\x80\0\0\0\0\0\0\0", 10);
  const Result result = run_every_way(
      {says(kClient, kAsk), says(kServer, kSwitch + impossible + ws(0x81, 1, false)), ends(kServer), ends(kClient)});
  EXPECT_EQ(counts_of(result).server_frames, 1U);
  EXPECT_EQ(counts_of(result).server_bytes, 0U);
}

TEST(WebSocket, ARefusedUpgrade) {
  const Result result =
      run_every_way({says(kClient, kAsk), says(kServer, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
                     says(kClient, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
                     says(kServer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")});
  ASSERT_THAT(result.summaries, SizeIs(2));
  EXPECT_FALSE(result.summaries[0].websocket);
  EXPECT_EQ(result.summaries[1].status, 200);
}

TEST(WebSocket, AnotherProtocol) {
  const Result result = run_every_way({says(kClient, "GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: other\r\n\r\n"),
                                       says(kServer, "HTTP/1.1 101 Fine\r\n\r\nHTTP/1.1 200 no"),
                                       says(kClient, "GET / no HTTP"), ends(kClient), ends(kServer)});
  ASSERT_THAT(result.summaries, SizeIs(1));
  EXPECT_FALSE(result.summaries[0].websocket);
  EXPECT_EQ(result.summaries[0].status, 101);
}

}  // namespace
}  // namespace tidegate::inspect::test
