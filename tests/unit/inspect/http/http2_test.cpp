// SPDX-License-Identifier: Apache-2.0
// RFC 9113, frame by frame.
#include <gmock/gmock.h>

#include "tests/unit/inspect/http/http2_talk.hpp"

namespace tidegate::inspect::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Http2, ARequestAndItsResponse) {
  Talk talk;
  const std::string head = talk.client.headers(1, request("/a/17?x=1&y=2", "POST"));
  const std::string answer = talk.server.headers(1, response(200));
  talk.say(kClient, head);
  talk.say(kClient, data(1, "four") + data(1, "more", kFin));
  talk.say(kServer, answer + data(1, "hello"));
  talk.say(kServer, data(1, "", kFin));
  const Result result = run_every_way(talk.script);
  ASSERT_THAT(result.summaries, SizeIs(1));
  const Summary& summary = result.summaries[0];
  EXPECT_EQ(summary.http, HttpVersion::k2);
  EXPECT_EQ(summary.method, "POST");
  EXPECT_EQ(summary.host, "h.example");
  EXPECT_EQ(summary.path, "/a/17");
  EXPECT_EQ(summary.path_template, "/a/{}");
  EXPECT_THAT(summary.query_keys, ElementsAre("x", "y"));
  EXPECT_EQ(summary.user_agent, "test/2");
  EXPECT_EQ(summary.status, 200);
  EXPECT_EQ(summary.request_bytes, head.size() - 9 + 8);
  EXPECT_EQ(summary.response_bytes, answer.size() - 9 + 5);
  EXPECT_EQ(summary.began, at_ms(3));
  EXPECT_EQ(summary.duration, std::chrono::milliseconds(3));
  EXPECT_EQ(result.counters.of(Counter::kRequestsUnfinished), 0U);
  EXPECT_GE(result.skipped, 13U);
}

TEST(Http2, StreamsInterleaveAndTheHeaderTableIsFollowed) {
  Talk talk;
  for (std::uint32_t stream = 1; stream <= 9; stream += 2) talk.ask(stream, "/s" + std::to_string(stream));
  talk.answer(5, 200, kHeadEnd);
  talk.answer(1, 404);
  talk.say(kServer, data(5, "x"));
  talk.answer(3, 500);
  talk.answer(9, 204);
  talk.say(kServer, data(5, "y", kFin));
  talk.answer(7, 302);
  EXPECT_THAT(paths(run_every_way(talk.script)), ElementsAre("/s1 404", "/s3 500", "/s5 200", "/s7 302", "/s9 204"));
}

// As long as a server takes it, and longer than the decoder does: Go's server takes 1 MiB. What follows is decoded with
// a table that such a field has emptied.
TEST(Http2, FieldsThatAreVeryLongDoNotHideWhatFollows) {
  const std::string length("\x7f\xf1\xa1\x04", 4);  // 70,000
  const std::string huffman_length("\xff\xf1\xa1\x04", 4);
  std::string huffman;
  while (huffman.size() < 70'000) huffman += "\x18\xc6\x31\x8c\x63";  // eight times "a"
  const std::string value(70'000, 'v');
  const std::string huge = std::string(250'000, 'v');
  const std::string huge_length("\x7f\x91\xa0\x0f", 4);  // 250,000
  for (const std::string& field :
       {"\x40\x01x" + length + value, "\x40\x01x" + huffman_length + huffman, "\x40" + length + value + "\x01v",
        std::string("\0\1x", 3) + length + value + "\x40\x01y" + huge_length + huge + "\x40\x01z" + huge_length +
            huge}) {
    Talk talk;
    talk.ask(1, "/1");
    std::string block = talk.client.block(request("/long")) + field;
    for (std::uint8_t type = 1; !block.empty(); type = 9) {
      const std::string part = block.substr(0, 16'000);
      block.erase(0, part.size());
      const std::uint8_t flags = (type == 1 ? kFin : 0) | (block.empty() ? kHeadEnd : 0);
      talk.say(kClient, frame(type, flags, 3, part));
    }
    talk.client = Http2Peer();
    talk.ask(5, "/after");
    talk.ask(7, "/again");
    talk.answer(1, 200);
    talk.answer(3, 431);
    talk.answer(5, 401);
    talk.answer(7, 402);
    for (const std::size_t piece : {std::string::npos, std::size_t{1}, std::size_t{1000}}) {
      const Result result = run_in_pieces(talk.script, piece, Order::kAsItIs);
      EXPECT_THAT(paths(result), ElementsAre("/1 200", "/long 431", "/after 401", "/again 402"));
      EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 0U);
      EXPECT_EQ(result.counters.of(Counter::kHeadersTooLarge), 1U);
      ASSERT_THAT(result.summaries, SizeIs(4));
      EXPECT_TRUE(result.summaries[1].truncated);
    }
  }
}

TEST(Http2, ABlockThatCannotBeDecodedIsTheEndButItsRequestIsToldOf) {
  Talk talk;
  talk.say(kClient, frame(1, kHeadEnd | kFin, 1, talk.client.block(request("/bad")) + "\xff\xff\xff\xff\x0f"));
  const Result result = run_every_way(talk.script);
  EXPECT_THAT(paths(result), ElementsAre("/bad lossy"));
  EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 1U);
}

TEST(Http2, TrailersAndGrpcStatus) {
  Talk talk;
  talk.ask(1, "/pkg.Service/Method", kHeadEnd);
  talk.say(kClient, data(1, "message", kFin));
  talk.answer(1, 200, kHeadEnd);
  talk.say(kServer,
           data(1, "reply") + talk.server.headers(1, {{"grpc-status", "14"}, {"grpc-message", "no"}}, kHeadEnd | kFin));
  talk.ask(3, "/pkg.Service/Other");
  talk.say(kServer, talk.server.headers(3, {{":status", "200"}, {"grpc-status", "0"}}, kHeadEnd | kFin));
  talk.ask(5, "/t", kHeadEnd);
  talk.say(kClient, talk.client.headers(5, {{"x-sum", "1"}}, kHeadEnd | kFin));
  talk.answer(5, 200);
  const Result result = run_every_way(talk.script);
  ASSERT_THAT(result.summaries, SizeIs(3));
  EXPECT_EQ(result.summaries[0].grpc_status, 14U);
  EXPECT_EQ(result.summaries[1].grpc_status, 0U);
  EXPECT_EQ(result.summaries[2].grpc_status, std::nullopt);
  EXPECT_THAT(paths(result), ElementsAre("/pkg.Service/Method 200", "/pkg.Service/Other 200", "/t 200"));
}

TEST(Http2, ContinuationPaddingAndPriority) {
  Talk talk;
  const std::string block = talk.client.block(request("/c"));
  const std::string padded =
      std::string(1, '\x03') + std::string(5, '\x01') + block.substr(0, 4) + std::string(3, '\0');
  talk.say(kClient, frame(1, kPad | kPrio | kFin, 1, padded) + frame(9, 0, 1, block.substr(4, 3)) + frame(9, 0, 1, "") +
                        frame(9, kHeadEnd, 1, block.substr(7)));
  talk.answer(1, 200, kHeadEnd);
  talk.say(kServer, frame(0, kPad, 1, std::string(1, '\x02') + "abc" + std::string(2, '\0')));
  talk.say(kServer, frame(0, kPad | kFin, 1, std::string(1, '\x05') + std::string(5, '\0')));
  const Result result = run_every_way(talk.script);
  ASSERT_THAT(paths(result), ElementsAre("/c 200"));
  EXPECT_EQ(result.summaries[0].request_bytes, padded.size() + block.size() - 4);
}

TEST(Http2, FramesThatMeanNothingHere) {
  Talk talk;
  const std::string noise = frame(6, 0, 0, "12345678") + frame(8, 0, 0, "1234") + frame(2, 0, 3, "12345") +
                            frame(0xb, 7, 0, "unknown") + frame(4, 0, 0, std::string("\0\x1\0\1\0\0", 6));
  talk.say(kClient, noise);
  talk.say(kServer, noise);
  talk.ask(1, "/1");
  talk.say(kServer, talk.server.headers(1, {{":status", "103"}, {"link", "x"}}));
  talk.answer(1, 200);
  EXPECT_THAT(paths(run_every_way(talk.script)), ElementsAre("/1 200"));
}

TEST(Http2, PushedResponsesKeepTheHeaderTable) {
  Talk talk;
  talk.ask(1, "/1");
  talk.say(kServer, frame(5, kHeadEnd, 1, std::string("\0\0\0\2", 4) + talk.server.block(request("/pushed"))));
  talk.say(kServer,
           talk.server.headers(2, {{":status", "200"}, {"x-new", "entry"}}, kHeadEnd) + data(2, "pushed", kFin));
  talk.say(kServer, talk.server.headers(1, {{":status", "200"}, {"x-new", "entry"}}, kHeadEnd | kFin));
  EXPECT_THAT(paths(run_every_way(talk.script)), ElementsAre("/1 200"));
}

TEST(Http2, Resets) {
  Talk talk;
  talk.ask(1, "/1");
  talk.ask(3, "/3");
  talk.answer(1, 200, kHeadEnd);
  talk.say(kClient, rst(1));
  talk.say(kServer, data(1, "late", kFin) + rst(3));
  talk.ask(5, "/5", kHeadEnd);
  talk.answer(5, 200);
  talk.say(kServer, rst(5));
  const Result result = run(talk.script);
  EXPECT_THAT(paths(result), ElementsAre("/1 200 reset", "/3 reset", "/5 200"));
  EXPECT_EQ(result.counters.of(Counter::kStreamResets), 1U);
  EXPECT_THAT(paths(run_in_pieces(talk.script, 1, Order::kAsItIs)), ElementsAre("/1 200 reset", "/3 reset", "/5 200"));
}

TEST(Http2, ACancelledRequestIsNotForgottenBeforeTheServerIsHeard) {
  Talk talk;
  talk.ask(1, "/1");
  talk.say(kServer, talk.server.headers(1, response(200), kHeadEnd) + data(1, "all of it", kFin));
  talk.say(kClient, rst(1));
  talk.ask(3, "/3");
  talk.say(kClient, rst(3));
  talk.ask(5, "/5");
  talk.answer(5, 200);
  EXPECT_THAT(paths(run_every_way(talk.script)), ElementsAre("/1 200", "/3 reset", "/5 200"));
}

TEST(Http2, AServerMayRefuseAtOnce) {
  Talk talk;
  talk.ask(1, "/1");
  talk.say(kServer, rst(1));
  talk.ask(3, "/3");
  talk.answer(3, 200);
  EXPECT_THAT(paths(run_every_way(talk.script)), ElementsAre("/1 reset", "/3 200"));
}

TEST(Http2, GoAwayEndsWhatTheServerWillNotAnswer) {
  Talk talk;
  talk.ask(1, "/1");
  talk.ask(3, "/3");
  talk.say(kServer, go_away(1));
  talk.answer(1, 200);
  EXPECT_THAT(paths(run_every_way(talk.script)), ElementsAre("/1 200", "/3"));
  Bench bench;
  talk.script.pop_back();
  bench.play(talk.script);
  ASSERT_THAT(bench.sink.summaries, SizeIs(1)) << "at once";
  EXPECT_EQ(bench.sink.summaries[0].path, "/3");
}

TEST(Http2, ByAlpnAlone) {
  Scene scene;
  scene.facts.alpn = "h2";
  Talk talk;
  talk.ask(1, "/1");
  talk.answer(1, 200);
  EXPECT_THAT(paths(run_every_way(talk.script, scene)), ElementsAre("/1 200"));
  scene.mid_stream = true;
  EXPECT_THAT(paths(run(talk.script, scene)), ElementsAre("/1 200")) << "the preface was seen";
  const Script later(talk.script.begin() + 3, talk.script.end());
  const Result none = run(later, scene);
  EXPECT_THAT(none.summaries, IsEmpty());
  EXPECT_EQ(none.counters.of(Counter::kMalformedHttp), 0U);
}

TEST(Http2, AfterAnUpgrade) {
  Talk talk;
  talk.script = {
      says(kClient,
           "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
           "HTTP2-Settings: AAMAAABk\r\n\r\n"),
      says(kServer, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + settings()),
      says(kClient, kPreface + settings() + settings_ack())};
  talk.answer(1, 200, kHeadEnd);
  talk.say(kServer, data(1, "body", kFin));
  talk.ask(3, "/3");
  talk.answer(3, 404);
  EXPECT_THAT(paths(run_every_way(talk.script)), ElementsAre("/up 200", "/3 404"));
}

// Of what the client offered, the server chose.
TEST(Http2, AnUpgradeAmongOthers) {
  Talk talk;
  talk.script = {says(kClient, "GET /up HTTP/1.1\r\nHost: a\r\nUpgrade: websocket, h2c\r\nHTTP2-Settings: AA\r\n\r\n"),
                 says(kServer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + settings()),
                 says(kClient, kPreface + settings() + settings_ack())};
  talk.answer(1, 200);
  talk.ask(3, "/3");
  talk.answer(3, 404);
  const Result result = run_every_way(talk.script);
  EXPECT_THAT(paths(result), ElementsAre("/up 200", "/3 404"));
  EXPECT_FALSE(result.summaries[0].websocket);
}

TEST(Http2, AClientNeedNotBeginWithSettings) {
  Talk talk;
  talk.script = {says(kClient, kPreface + talk.client.headers(1, request("/1"), kHeadEnd | kFin)),
                 says(kServer, settings())};
  talk.answer(1, 200);
  const Result result = run_every_way(talk.script);
  EXPECT_THAT(paths(result), ElementsAre("/1 200"));
  EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 0U);
}

TEST(Http2, ManyEmptyContinuationsAreServedAndSeen) {
  Talk talk;
  std::string frames = talk.client.headers(1, request("/1"), kFin);
  for (int i = 0; i < 1500; ++i) frames += frame(9, 0, 1, "");
  talk.say(kClient, frames + frame(9, kHeadEnd, 1, ""));
  talk.answer(1, 200);
  EXPECT_THAT(paths(run(talk.script)), ElementsAre("/1 200"));
}

TEST(Http2, AnUpgradeThatIsNotTaken) {
  const Script script = {says(kClient, "GET /1 HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"),
                         says(kServer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
                         says(kClient, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
                         says(kServer, "HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n")};
  EXPECT_THAT(paths(run_every_way(script)), ElementsAre("/1 200", "/2 201"));
}

TEST(Http2, TableSizesChange) {
  Talk talk;
  talk.client.change_table_size(0);
  talk.ask(1, "/1");
  talk.client.change_table_size(65536);
  talk.ask(3, "/3");
  talk.server.change_table_size(65536);
  talk.answer(1, 200);
  talk.ask(5, "/5");
  talk.answer(3, 200);
  talk.answer(5, 200);
  EXPECT_THAT(paths(run_every_way(talk.script)), ElementsAre("/1 200", "/3 200", "/5 200"));
}

TEST(Http2, MoreStreamsThanAreFollowed) {
  Scene scene;
  scene.limits.streams = 4;
  Talk talk;
  for (std::uint32_t stream = 1; stream < 20; stream += 2) talk.ask(stream, "/s" + std::to_string(stream));
  talk.say(kServer, settings());
  talk.answer(19, 200);
  const Result result = run(talk.script, scene);
  ASSERT_THAT(result.summaries, SizeIs(10));
  EXPECT_EQ(result.counters.of(Counter::kTooManyStreams), 6U);
  EXPECT_EQ(result.summaries[9].status, 200);
  EXPECT_EQ(result.counters.of(Counter::kRequestsUnfinished), 9U);
}

TEST(Http2, ManyRequestsWhoseAnswersComeLater) {
  Scene scene;
  scene.limits.streams = 4;
  Talk talk;
  std::vector<std::string> expected;
  for (std::uint32_t stream = 1; stream < 100; stream += 2) {
    talk.ask(stream, "/s" + std::to_string(stream));
    talk.answer(stream, 200);
    expected.push_back("/s" + std::to_string(stream) + " 200");
  }
  const Result result = run_every_way(talk.script, scene);
  EXPECT_EQ(paths(result), expected);
  EXPECT_EQ(run_in_pieces(talk.script, 64, Order::kClientFirst, scene).counters.of(Counter::kTooManyStreams), 0U);
}

TEST(Http2, LossEndsTheConnectionUnlessItIsInsideOfData) {
  Talk talk;
  talk.ask(1, "/1");
  talk.answer(1, 200, kHeadEnd);
  const std::string body = data(1, "0123456789", kFin);
  talk.say(kServer, body.substr(0, 12));
  talk.script.push_back(loses(kServer, 5));
  talk.say(kServer, body.substr(17));
  talk.ask(3, "/3");
  talk.script.push_back(loses(kClient, 5));
  talk.ask(5, "/5");
  EXPECT_THAT(paths(run(talk.script)), ElementsAre("/1 200 lossy", "/3 lossy"));
}

TEST(Http2, RequestsAreSeenWithoutTheServer) {
  Talk talk;
  talk.ask(1, "/1");
  talk.script.push_back(loses(kServer, 0));
  talk.script.push_back(ends(kServer, StreamEnd::kEvicted));
  talk.ask(3, "/3");
  talk.ask(5, "/5", kHeadEnd);
  talk.say(kClient, data(5, "body", kFin));
  const Result result = run(talk.script);
  EXPECT_THAT(paths(result), ElementsAre("/1 lossy", "/3 lossy", "/5 lossy"));
  EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 0U);
}

TEST(Http2, WhatNoPeerSends) {
  const std::vector<std::string> bad = {
      frame(9, kHeadEnd, 1, "x"),                                 // CONTINUATION of nothing
      frame(1, 0, 1, "") + frame(0, 0, 1, "x"),                   // a block that is interrupted
      frame(1, 0, 1, "") + frame(9, kHeadEnd, 3, ""),             // or goes on elsewhere
      frame(1, kHeadEnd, 0, ""),                                  // HEADERS of the connection
      frame(1, kHeadEnd, 2, ""),                                  // a stream that only a server opens
      frame(1, kHeadEnd | kPad, 1, "\x09xx"),                     // more padding than frame
      frame(3, 0, 1, "123"),                                      // a size that it never has
      frame(5, kHeadEnd, 1, std::string("\0\0\0\2", 4)),          // PUSH_PROMISE of a client
      frame(1, kHeadEnd, 1, "\xff\xff\xff\xff\xff\xff\xff\xff"),  // an index that cannot be
      frame(1, kHeadEnd, 1, std::string("\x3f\xe1\xff\x3f", 4)),  // a table of a megabyte
      frame(1, kHeadEnd, 1, "\x40\x7f\xff\xff\xff\x0f"),          // a name of a gigabyte
      frame(1, kHeadEnd, 1, "\x40\x05x"),                         // a block that ends early
  };
  for (const std::string& bytes : bad) {
    Talk talk;
    talk.ask(1 + 2 * 10, "/open");
    talk.say(kClient,
             frame(bytes[3] == 1 || bytes[3] == 9 ? 8 : 6, 0, 0, bytes[3] == 1 || bytes[3] == 9 ? "1234" : "12345678"));
    std::string shifted = bytes;
    if (shifted[8] == 1) shifted[8] = 23;
    const std::size_t second = 9 + static_cast<unsigned char>(bytes[2]);
    if (bytes.size() > second && shifted[second + 8] == 1) shifted[second + 8] = 23;
    talk.say(kClient, shifted);
    talk.answer(21, 200);
    const Result result = run(talk.script);
    EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 1U) << testing::PrintToString(bytes);
    EXPECT_THAT(paths(result), ElementsAre("/open lossy")) << testing::PrintToString(bytes);
  }
}

}  // namespace
}  // namespace tidegate::inspect::test
