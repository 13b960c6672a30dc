// SPDX-License-Identifier: Apache-2.0
// CONNECT over a stream: RFC 9113, 8.5, and RFC 8441.
#include <gmock/gmock.h>

#include "tests/unit/inspect/http/http2_talk.hpp"

namespace tidegate::inspect::test {
namespace {

using ::testing::ElementsAre;

TEST(Http2, WebSocketOverAStream) {
  Talk talk;
  Fields fields = request("/chat", "CONNECT");
  fields.insert(fields.begin() + 1, {":protocol", "websocket"});
  talk.say(kClient, talk.client.headers(1, fields));
  talk.answer(1, 200, kHeadEnd);
  talk.say(kClient, data(1, std::string("\x81\x83mask", 6) + "abc\x89"));
  talk.say(kClient, data(1, std::string("\x80mask", 5)));
  talk.say(kServer, data(1, std::string("\x01\x02hi\x80\x03yes", 9)));
  talk.say(kClient, data(1, "", kFin));
  talk.say(kServer, data(1, "", kFin));
  const Result result = run_every_way(talk.script);
  ASSERT_THAT(paths(result), ElementsAre("/chat 200"));
  ASSERT_TRUE(result.summaries[0].websocket);
  EXPECT_EQ(result.summaries[0].websocket->client_frames, 2U);
  EXPECT_EQ(result.summaries[0].websocket->client_bytes, 3U);
  EXPECT_EQ(result.summaries[0].websocket->server_frames, 2U);
  EXPECT_EQ(result.summaries[0].websocket->server_bytes, 5U);
}

TEST(Http2, ARefusedWebSocketIsNone) {
  Talk talk;
  Fields fields = request("/chat", "CONNECT");
  fields.insert(fields.begin() + 1, {":protocol", "websocket"});
  talk.say(kClient, talk.client.headers(1, fields, kHeadEnd | kFin));
  talk.answer(1, 403);
  const Result result = run_every_way(talk.script);
  ASSERT_THAT(paths(result), ElementsAre("/chat 403"));
  EXPECT_FALSE(result.summaries[0].websocket);
}

TEST(Http2, AClassicConnectHasNoPath) {
  Talk talk;
  talk.say(kClient, talk.client.headers(1, {{":method", "CONNECT"}, {":authority", "u:p@h.example:443"}}));
  talk.answer(1, 200, kHeadEnd);
  talk.say(kClient, data(1, "hello", kFin));
  talk.say(kServer, data(1, "hello", kFin));
  const Result result = run_every_way(talk.script);
  ASSERT_THAT(paths(result), ElementsAre(" 200"));
  EXPECT_EQ(result.summaries[0].host, "h.example:443");
}

}  // namespace
}  // namespace tidegate::inspect::test
