// SPDX-License-Identifier: Apache-2.0
// Messages that state their length twice or wrongly, and what comes after loss.
#include <gmock/gmock.h>

#include "tests/unit/inspect/http/support.hpp"

namespace tidegate::inspect::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;

std::string asks_for(std::string_view path) { return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n"; }
std::string post(std::string_view fields, std::string_view body) {
  return "POST /p HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
const std::string kTwoBytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const std::string kBad = "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n";

std::vector<std::string> paths_of(const Result& result) {
  std::vector<std::string> all;
  for (const Summary& summary : result.summaries) {
    all.push_back(summary.path + (summary.status ? " " + std::to_string(*summary.status) : "") +
                  (summary.lossy ? " lossy" : ""));
  }
  return all;
}

TEST(Smuggling, TransferEncodingWins) {
  const std::string body = "0\r\n\r\n";
  const Result result = run_every_way(
      {says(kClient, post("Content-Length: 40\r\nTransfer-Encoding: chunked\r\n", body) + asks_for("/next")),
       says(kServer, kTwoBytes + kTwoBytes)});
  EXPECT_THAT(paths_of(result), ElementsAre("/p 200", "/next 200"));
  EXPECT_EQ(result.counters.of(Counter::kAmbiguousLength), 1U);
  EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 0U);
}

TEST(Smuggling, LengthsThatDifferAreMalformed) {
  for (const std::string fields :
       {"Content-Length: 3\r\nContent-Length: 4\r\n", "Content-Length: 3, 4\r\n", "Content-Length: +3\r\n",
        "Content-Length: 3x\r\n", "Content-Length:\r\n", "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding : chunked\r\n",
        "Content-Length : 3\r\n"}) {
    const Result result =
        run_every_way({says(kClient, post(fields, "abcd")), says(kServer, kBad), ends(kServer), ends(kClient)});
    EXPECT_THAT(paths_of(result), ElementsAre("/p 400 lossy")) << fields;
    EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 1U) << fields;
  }
}

TEST(Smuggling, LengthsThatAgreeAreFine) {
  for (const std::string fields : {"Content-Length: 3\r\nContent-Length: 3\r\n", "Content-Length: 3, 3\r\n"}) {
    const Result result =
        run_every_way({says(kClient, post(fields, "abc") + asks_for("/next")), says(kServer, kTwoBytes + kTwoBytes)});
    EXPECT_THAT(paths_of(result), ElementsAre("/p 200", "/next 200"));
    EXPECT_EQ(result.counters.of(Counter::kAmbiguousLength), 1U);
  }
}

TEST(Smuggling, FoldedTransferEncodingIsStillOne) {
  const Result result = run_every_way(
      {says(kClient,
            post("Transfer-Encoding:\r\n chunked\r\nContent-Length: 4\r\n", "1\r\nx\r\n0\r\n\r\n") + asks_for("/next")),
       says(kServer, kTwoBytes + kTwoBytes)});
  EXPECT_THAT(paths_of(result), ElementsAre("/p 200", "/next 200"));
}

TEST(Smuggling, BrokenChunksAreMalformed) {
  for (const std::string body : {"x\r\n", "\r\n", "-1\r\n", "ffffffffffffffffffff\r\n", "1\r\nabc\r\n"}) {
    const Result result = run_every_way({says(kClient, post("Transfer-Encoding: chunked\r\n", body)),
                                         says(kServer, kBad), ends(kServer), ends(kClient)});
    EXPECT_THAT(paths_of(result), ElementsAre("/p 400 lossy")) << body;
    EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 1U) << body;
  }
}

// Whatever a server takes that is malformed here: what seems to be a request in it neither hides what follows, nor
// takes its answers.
TEST(Smuggling, PhantomsInMalformedFramingHideNothing) {
  for (const std::string phantom : {"POST /ph HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n",
                                    "GET /ph HTTP/1.1\r\n\r\n", "GET /ph HTTP/1.1\r\nUpgrade: x\r\n\r\n",
                                    "POST /ph HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n"}) {
    const Result result = run_every_way(
        {says(kClient, post("Transfer-Encoding: chunked\r\n", "?odd\r\n" + phantom + "0\r\n\r\n")),
         says(kServer, kTwoBytes), says(kClient, asks_for("/2")), says(kServer, kTwoBytes),
         says(kClient, asks_for("/3") + asks_for("/4")), says(kServer, kTwoBytes), ends(kServer), ends(kClient)});
    EXPECT_THAT(paths_of(result), ElementsAre("/p 200 lossy", "/ph lossy", "/2 200 lossy", "/3 200 lossy", "/4 lossy"))
        << phantom;
    EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 1U);
  }
}

TEST(Smuggling, NoNumberOfBytesBehindMalformedFramingHidesWhatFollows) {
  Script script = {says(kClient, asks_for("/1")), says(kServer, kTwoBytes),
                   says(kClient, post("Transfer-Encoding: chunked\r\n", "?odd\r\n"))};
  for (int i = 0; i < 30; ++i) script.push_back(says(kClient, std::string(64 << 10, 'x') + "\r\n"));
  script.push_back(says(kServer, kTwoBytes));
  script.push_back(says(kClient, asks_for("/2")));
  script.push_back(says(kServer, kBad));
  EXPECT_THAT(paths_of(run(script)), ElementsAre("/1 200", "/p 200 lossy", "/2 400 lossy"));
}

TEST(Smuggling, AResponseWithACodingThatIsNotChunkedEndsWithTheConnection) {
  const Result result =
      run_every_way({says(kClient, asks_for("/1")),
                     says(kServer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nabcdef"),
                     ends(kServer), ends(kClient)});
  EXPECT_THAT(paths_of(result), ElementsAre("/1 200"));
}

TEST(Loss, InsideOfABodyCostsOnlyTheBytes) {
  const Result result =
      run({says(kClient, asks_for("/1")), says(kServer, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab"),
           loses(kServer, 6), says(kServer, "ij"), says(kClient, asks_for("/2")), says(kServer, kTwoBytes)});
  EXPECT_THAT(paths_of(result), ElementsAre("/1 200 lossy", "/2 200"));
  EXPECT_EQ(result.summaries[0].response_bytes, 49U);
}

TEST(Loss, ElsewhereWhatIsOpenIsOverAndTheNextRequestIsFound) {
  const Result result =
      run({says(kClient, asks_for("/1")), says(kServer, "HTTP/1.1 200 OK\r\nContent-Le"), loses(kServer, 0),
           says(kServer, "rest of it\r\nHTTP/2 no\r\n"), says(kClient, asks_for("/2")), says(kServer, kTwoBytes)});
  EXPECT_THAT(paths_of(result), ElementsAre("/1 200 lossy", "/2 200"));
}

TEST(Loss, OfRequestsToo) {
  const Result result =
      run({says(kClient, asks_for("/1").substr(0, 30)), loses(kClient, 100),
           says(kClient, "tail of a body\r\nGET x y HTTP/1.1\r\n" + asks_for("/3")), says(kServer, kTwoBytes)});
  EXPECT_THAT(paths_of(result), ElementsAre("/1 lossy", "/3 200"));
}

TEST(Loss, TheMiddleOfAConnection) {
  Scene scene;
  scene.mid_stream = true;
  const Script script = {says(kServer, "end of a body HTTP/1.1 200 OK\r\n\r\n"),
                         says(kClient, "a body's end\r\n" + asks_for("/1")), says(kServer, kTwoBytes),
                         says(kClient, asks_for("/2")), says(kServer, kTwoBytes)};
  EXPECT_THAT(paths_of(run(script, scene)), ElementsAre("/1 200", "/2 200"));
  EXPECT_THAT(paths_of(run_in_pieces(script, 1, Order::kAsItIs, scene)), ElementsAre("/1 200", "/2 200"));
  EXPECT_THAT(paths_of(run({says(kClient, asks_for("/1")), says(kServer, kTwoBytes)}, scene)), ElementsAre("/1 200"));
}

TEST(Loss, TheSearchForARequestEnds) {
  Scene scene;
  scene.mid_stream = true;
  Bench bench(scene);
  const std::string junk(64 << 10, 'x');
  for (int i = 0; i < 20; ++i) bench.feed(kClient, junk, at_ms(i));
  EXPECT_EQ(bench.stream->ignores(kClient), ~std::uint64_t{0});
  EXPECT_EQ(bench.stream->ignores(kServer), ~std::uint64_t{0});
}

TEST(Loss, AMalformedRequestLineIsPassedOver) {
  const Result result = run({says(kClient, asks_for("/1")), says(kServer, kTwoBytes),
                             says(kClient, "\x01\x02 garbage\r\n" + asks_for("/2")), says(kServer, kBad + kTwoBytes)});
  EXPECT_THAT(paths_of(result), ElementsAre("/1 200", "/2 lossy"));
  EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 1U);
}

TEST(Loss, RequestsAreSeenWithoutTheServer) {
  const Result result =
      run({says(kClient, asks_for("/1")), loses(kServer, 0), ends(kServer, StreamEnd::kEvicted),
           says(kClient, asks_for("/2") + asks_for("/3")),
           says(kClient, "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"), says(kClient, "\x81\x80mask")});
  EXPECT_THAT(paths_of(result), ElementsAre("/1 lossy", "/2", "/3", "/ws"));
  EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 0U);
}

// Under overload servers are not looked at: whether they agreed to another protocol is not known.
TEST(Loss, AnUpgradeDoesNotHideWhatFollowsWhereTheServerIsNotSeen) {
  for (const bool first : {true, false}) {
    const Step gone = ends(kServer, StreamEnd::kEvicted);
    const Step asks = says(kClient, "GET /1 HTTP/1.1\r\nUpgrade: x\r\n\r\n");
    const Result result =
        run({first ? gone : asks, first ? asks : gone, says(kClient, asks_for("/2") + asks_for("/3"))});
    EXPECT_THAT(paths_of(result), IsSupersetOf(std::vector<std::string>{"/2", "/3"})) << first;
    EXPECT_THAT(result.summaries, SizeIs(3));
  }
}

TEST(Loss, AMalformedResponseEndsWhatIsOpen) {
  const Result result = run({says(kClient, asks_for("/1") + asks_for("/2")), says(kServer, "what?\r\n"),
                             says(kClient, asks_for("/3")), says(kServer, kTwoBytes)});
  EXPECT_THAT(paths_of(result), ElementsAre("/1 lossy", "/2 lossy", "/3 200"));
  EXPECT_EQ(result.counters.of(Counter::kMalformedHttp), 1U);
}

}  // namespace
}  // namespace tidegate::inspect::test
