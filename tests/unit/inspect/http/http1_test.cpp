// SPDX-License-Identifier: Apache-2.0
// RFC 9112, message by message.
#include <gmock/gmock.h>

#include "tests/unit/inspect/http/support.hpp"

namespace tidegate::inspect::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kGet = "GET /a/17?x=1&y=2 HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: test/1\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

std::string get(std::string_view path) { return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n"; }
std::string answer(int status, std::string_view body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}
std::vector<std::uint16_t> statuses(const Result& result) {
  std::vector<std::uint16_t> all;
  for (const Summary& summary : result.summaries) all.push_back(summary.status.value_or(0));
  return all;
}

TEST(Http1, ARequestAndItsResponse) {
  const Result result = run_every_way({says(kClient, kGet), says(kServer, kOk)});
  ASSERT_THAT(result.summaries, SizeIs(1));
  const Summary& summary = result.summaries[0];
  EXPECT_EQ(summary.http, HttpVersion::k11);
  EXPECT_EQ(summary.method, "GET");
  EXPECT_EQ(summary.host, "www.example.com");
  EXPECT_EQ(summary.path, "/a/17");
  EXPECT_EQ(summary.path_template, "/a/{}");
  EXPECT_THAT(summary.query_keys, ElementsAre("x", "y"));
  EXPECT_EQ(summary.status, 200);
  EXPECT_EQ(summary.request_bytes, kGet.size());
  EXPECT_EQ(summary.response_bytes, kOk.size());
  EXPECT_EQ(summary.user_agent, "test/1");
  EXPECT_EQ(summary.began, at_ms(0));
  EXPECT_EQ(summary.duration, std::chrono::milliseconds(1));
  EXPECT_EQ(summary.connection.flow.client.port, 40000);
  EXPECT_FALSE(summary.lossy || summary.reset || summary.truncated);
  EXPECT_EQ(result.counters.of(Counter::kRequestsUnfinished), 0U);
  EXPECT_EQ(result.skipped, 5U);
}

TEST(Http1, KeepAliveAndVersions) {
  const Result result = run_every_way({says(kClient, get("/1")), says(kServer, answer(200, "")),
                                       says(kClient, "GET /2 HTTP/1.0\r\n\r\n"), says(kServer, answer(404, "no"))});
  EXPECT_THAT(statuses(result), ElementsAre(200, 404));
  EXPECT_EQ(result.summaries[1].http, HttpVersion::k10);
}

TEST(Http1, PipelinedRequestsAreMatchedInOrder) {
  const Result result =
      run_every_way({says(kClient, get("/1") + get("/2") + get("/3")),
                     says(kServer, answer(200, "a") + answer(201, "bb")), says(kServer, answer(202, ""))});
  EXPECT_THAT(statuses(result), ElementsAre(200, 201, 202));
  EXPECT_EQ(result.summaries[2].path, "/3");
}

TEST(Http1, ChunkedWithExtensionsAndTrailers) {
  const std::string chunks = "4;name=\"v\"\r\nWiki\r\n6 \r\npedia \r\n0\r\nX-Sum: 1\r\n\r\n";
  const std::string post = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks;
  const std::string ok = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n" + chunks;
  const Result result =
      run_every_way({says(kClient, post), says(kServer, ok), says(kClient, get("/d")), says(kServer, answer(204, ""))});
  EXPECT_THAT(statuses(result), ElementsAre(200, 204));
  EXPECT_EQ(result.summaries[0].request_bytes, post.size());
  EXPECT_EQ(result.summaries[0].response_bytes, ok.size());
  EXPECT_EQ(result.skipped, 20U);
}

TEST(Http1, AResponseThatEndsWithTheConnection) {
  const Script script = {says(kClient, kGet), says(kServer, "HTTP/1.0 200 OK\r\n\r\nsome"), says(kServer, " more"),
                         ends(kServer), ends(kClient)};
  const Result result = run_every_way(script);
  ASSERT_THAT(statuses(result), ElementsAre(200));
  EXPECT_EQ(result.summaries[0].response_bytes, 28U);
  EXPECT_EQ(result.counters.of(Counter::kRequestsUnfinished), 0U);
}

TEST(Http1, ResponsesWithoutABody) {
  const Result result = run_every_way(
      {says(kClient, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"),
       says(kServer, "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"), says(kClient, get("/2")),
       says(kServer, "HTTP/1.1 304 Not Modified\r\nContent-Length: 999\r\n\r\n"), says(kClient, get("/3")),
       says(kServer, "HTTP/1.1 204 No Content\r\n\r\n"), says(kClient, get("/4")), says(kServer, answer(200, "x"))});
  EXPECT_THAT(statuses(result), ElementsAre(200, 304, 204, 200));
}

TEST(Http1, InterimResponsesComeBeforeTheFinalOne) {
  const Result result =
      run_every_way({says(kClient, "PUT /u HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"),
                     says(kServer, "HTTP/1.1 100 Continue\r\n\r\n"), says(kClient, "abc"),
                     says(kServer, "HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n" + answer(201, "made")),
                     says(kClient, get("/v")), says(kServer, answer(200, ""))});
  EXPECT_THAT(statuses(result), ElementsAre(201, 200));
  EXPECT_EQ(result.summaries[0].duration, std::chrono::milliseconds(3));
}

TEST(Http1, AnAnswerBeforeTheEndOfTheRequest) {
  const Result result =
      run_every_way({says(kClient, "POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc"),
                     says(kServer, answer(413, "")), says(kClient, "def" + get("/v")), says(kServer, answer(200, ""))});
  EXPECT_THAT(statuses(result), ElementsAre(413, 200));
  EXPECT_EQ(result.summaries[0].request_bytes, 54U);
}

TEST(Http1, FormsOfTheTarget) {
  const Result result = run_every_way(
      {says(kClient, "GET http://u:secret@h.example:8080/p?q=1 HTTP/1.1\r\nHost: other\r\n\r\n"),
       says(kServer, answer(200, "")), says(kClient, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
       says(kServer, answer(200, "")), says(kClient, "GET http://h.example HTTP/1.1\r\nHost: x\r\n\r\n"),
       says(kServer, answer(200, "")), says(kClient, "GET /p#f?x=1 HTTP/1.1\r\nHost: me@home:pass@x\r\n\r\n"),
       says(kServer, answer(200, ""))});
  ASSERT_THAT(result.summaries, SizeIs(4));
  EXPECT_EQ(result.summaries[0].host, "h.example:8080");
  EXPECT_EQ(result.summaries[0].path, "/p");
  EXPECT_THAT(result.summaries[0].query_keys, ElementsAre("q"));
  EXPECT_EQ(result.summaries[1].path, "*");
  EXPECT_EQ(result.summaries[2].path, "/");
  EXPECT_EQ(result.summaries[3].path, "/p");
  EXPECT_THAT(result.summaries[3].query_keys, IsEmpty());
  EXPECT_EQ(result.summaries[3].host, "x");
}

TEST(Http1, LenientWhereServersAre) {
  const Result result = run_every_way(
      {says(kClient, "\r\n\r\nGET  /1  HTTP/1.1 \nHost:a\nUser-Agent:  x \t\n\n"),
       says(kServer, "HTTP/1.1 200\nContent-Length:0\n\n"),
       says(kClient, "GET /2 HTTP/1.1\r\nHost: a\r\nUser-Agent: one\r\n two\r\nno colon here\r\n: empty\r\n\r\n"),
       says(kServer, "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")});
  EXPECT_THAT(statuses(result), ElementsAre(200, 200));
  EXPECT_EQ(result.summaries[0].host, "a");
  EXPECT_EQ(result.summaries[0].user_agent, "x");
  EXPECT_EQ(result.summaries[1].user_agent, "one two");
}

TEST(Http1, RequestsWithoutResponses) {
  const Result result = run_every_way(
      {says(kClient, get("/1") + get("/2")), says(kServer, answer(200, "")), ends(kServer), ends(kClient)});
  EXPECT_THAT(statuses(result), ElementsAre(200, 0));
  EXPECT_FALSE(result.summaries[1].reset);
  EXPECT_EQ(result.counters.of(Counter::kRequestsUnfinished), 1U);
  EXPECT_THAT(run({says(kClient, "GET /1 HTTP/1.1\r\nHos")}).summaries, SizeIs(1));
}

TEST(Http1, ResetInTheMiddleOfAResponse) {
  const Result result =
      run_every_way({says(kClient, kGet), says(kServer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"),
                     ends(kServer, StreamEnd::kReset), ends(kClient, StreamEnd::kReset)});
  ASSERT_THAT(result.summaries, SizeIs(1));
  EXPECT_TRUE(result.summaries[0].reset);
  EXPECT_EQ(result.summaries[0].status, 200);
}

TEST(Http1, ConnectBecomesATunnel) {
  const Result result =
      run_every_way({says(kClient, "CONNECT h.example:443 HTTP/1.1\r\nHost: h.example\r\n\r\n"),
                     says(kServer, "HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n"),
                     says(kClient, "GET / HTTP/1.1\r\n\r\n"), says(kServer, "whatever"), ends(kClient), ends(kServer)});
  ASSERT_THAT(statuses(result), ElementsAre(200));
  EXPECT_EQ(result.summaries[0].host, "h.example:443");
  EXPECT_EQ(result.summaries[0].path, "");
  EXPECT_EQ(result.summaries[0].duration, std::chrono::milliseconds(3));
}

// A slow head is one under any method; what was granted is a tunnel, and may take its time.
TEST(Http1, AConnectWhoseHeadDripsIsTold) {
  Bench bench;
  bench.feed(kClient, "CONNECT h.example:443 HTTP/1.1\r\nHo", at_ms(0));
  EXPECT_FALSE(bench.stream->tell_stalled(at_ms(11'000)));
  EXPECT_EQ(bench.counters.of(Counter::kStalledRequests), 1U);
  Bench granted;
  granted.feed(kClient, "CONNECT h.example:443 HTTP/1.1\r\nHost: a\r\n\r\n", at_ms(0));
  granted.stream->tell_stalled(at_ms(11'000));
  granted.feed(kServer, "HTTP/1.1 200 OK\r\n\r\n", at_ms(12'000));
  granted.feed(kClient, "x", at_ms(13'000));
  granted.stream->tell_stalled(at_ms(30'000));
  EXPECT_EQ(granted.counters.of(Counter::kStalledRequests), 0U);
}

TEST(Http1, ARefusedConnectIsAnOrdinaryRequest) {
  const Result result =
      run_every_way({says(kClient, "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"), says(kServer, answer(403, "no")),
                     says(kClient, get("/x")), says(kServer, answer(200, ""))});
  EXPECT_THAT(statuses(result), ElementsAre(403, 200));
}

TEST(Http1, WhatIsNotHttpIsCountedOnce) {
  for (const std::string beginning :
       {"SSH-2.0-x\r\n", "\x16\x03\x01\x02", "EHLO a.example\r\n", "GET / HTTP/x.1\r\n"}) {
    const Result result =
        run_every_way({says(kClient, beginning), says(kServer, "220 hello\r\n"), says(kClient, get("/1"))});
    EXPECT_THAT(result.summaries, IsEmpty());
    EXPECT_EQ(result.counters.of(Counter::kNotHttp), 1U) << beginning;
    EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 0U);
  }
}

TEST(Http1, MinorVersionsOfSeveralDigitsAreServedAndSeen) {
  const Result result =
      run_every_way({says(kClient, "GET /a HTTP/1.12\r\nHost: a\r\n\r\n"), says(kServer, answer(200, "")),
                     says(kClient, get("/b")), says(kServer, answer(200, ""))});
  ASSERT_THAT(result.summaries, SizeIs(2));
  EXPECT_EQ(result.summaries[0].http, HttpVersion::k11);
  EXPECT_EQ(result.summaries[0].status, 200);
  EXPECT_EQ(result.counters.of(Counter::kNotHttp), 0U);
}

// nginx has no bound for a method and goes on behind it; HAProxy takes any version of two digits.
TEST(Http1, WhateverRequestLineAServerTakesIsOne) {
  for (const std::string& line :
       {std::string(65, 'A') + " / HTTP/1.1", std::string(5000, 'A') + " / HTTP/1.1", std::string("G-T / HTTP/1.1"),
        std::string("GET / HTTP/2.0"), std::string("GET / HTTP/9.9"), std::string("GET / HTTP/1.999")}) {
    for (const bool first : {true, false}) {
      const std::string before = first ? "" : get("/a");
      const Script script = {says(kClient, before + line + "\r\nHost: a\r\n\r\n" + get("/login")),
                             says(kServer, (first ? "" : answer(200, "")) + answer(405, "no") + answer(401, ""))};
      const Result result = line.size() > 1000 ? run_in_pieces(script, 1, Order::kAsItIs) : run_every_way(script);
      ASSERT_THAT(result.summaries, SizeIs(first ? 2 : 3)) << line;
      EXPECT_EQ(result.summaries.back().path, "/login");
      EXPECT_EQ(result.summaries.back().status, 401) << line;
      EXPECT_EQ(result.summaries.end()[-2].status, 405) << line;
      EXPECT_EQ(result.summaries.end()[-2].truncated, line.size() > 60);
      EXPECT_EQ(result.counters.of(Counter::kNotHttp) + result.counters.of(Counter::kMalformedHttp), 0U);
    }
  }
}

TEST(Http1, VersionsThatAreNoLaterThanOnePointNoughtAreShownAsThat) {
  for (const std::string version : {"0.9", "1.0", "1.0000"}) {
    const Result result = run({says(kClient, "GET / HTTP/" + version + "\r\n\r\n"), says(kServer, answer(200, ""))});
    ASSERT_THAT(result.summaries, SizeIs(1)) << version;
    EXPECT_EQ(result.summaries[0].http, HttpVersion::k10);
  }
}

// A line that nobody understands is answered too, and that answer is nobody else's.
TEST(Http1, ABadRequestLineTakesAnAnswer) {
  for (const std::string bad : {"G\"T / HTTP/1.1\r\n", "\x01\x02 garbage\r\n", "GET / HTTP/x.1\r\n"}) {
    for (const bool first : {true, false}) {
      Script script = {says(kClient, bad + "\r\n"), says(kServer, answer(400, "bad")), says(kClient, get("/login")),
                       says(kServer, answer(401, ""))};
      if (!first) script.insert(script.begin(), {says(kClient, get("/a")), says(kServer, answer(200, ""))});
      const Result result = run_every_way(script);
      ASSERT_THAT(result.summaries, SizeIs(first ? 1 : 2)) << bad;
      EXPECT_EQ(result.summaries.back().path, "/login") << bad;
      EXPECT_EQ(result.summaries.back().status, 401) << bad;
      EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 1U) << bad;
      EXPECT_EQ(result.counters.of(Counter::kNotHttp), 0U) << bad;
    }
  }
}

// HTTP/0.9, which nginx still answers: content alone, until the server closes.
TEST(Http1, ARequestWithoutVersionIsAnsweredWithContentAlone) {
  const Result result =
      run_every_way({says(kClient, "GET /p?q=1\r\n"), says(kServer, "<p>HTTP/1.1 404 no\r\n\r\n"), ends(kServer)});
  ASSERT_THAT(result.summaries, SizeIs(1));
  EXPECT_EQ(result.summaries[0].path, "/p");
  EXPECT_EQ(result.summaries[0].status, std::nullopt);
  EXPECT_EQ(result.summaries[0].response_bytes, 22U);
  EXPECT_EQ(result.counters.of(Counter::kNotHttp), 0U);
}

TEST(Http1, LongValuesAreCutAndSaidSo) {
  const std::string path = "/" + std::string(3000, 'a');
  const Result result =
      run({says(kClient, "GET " + path + " HTTP/1.1\r\nHost: a\r\nUser-Agent: " + std::string(300, 'u') + "\r\n\r\n"),
           says(kServer, answer(200, ""))});
  ASSERT_THAT(result.summaries, SizeIs(1));
  EXPECT_EQ(result.summaries[0].path.size(), kLongestPath);
  EXPECT_EQ(result.summaries[0].user_agent.size(), kLongestUserAgent);
  EXPECT_TRUE(result.summaries[0].truncated);
}

}  // namespace
}  // namespace tidegate::inspect::test
