// SPDX-License-Identifier: Apache-2.0
// What attackers send: memory stays bounded, nothing crashes, everything ends.
#include <gmock/gmock.h>

#include "tests/unit/inspect/http/http2_peer.hpp"
#include "tests/unit/inspect/http/support.hpp"

namespace tidegate::inspect::test {
namespace {

using ::testing::SizeIs;

// Feeds and watches the budget.
struct Attack {
  explicit Attack(Scene scene = {}) : bench(std::move(scene)) { bench.sink.keep = false; }

  void feed(Direction direction, std::string_view bytes) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 1400))) {
      bench.feed(direction, bytes.substr(0, 1400), at_ms(++time));
      most = std::max(most, bench.budget.used());
    }
  }
  bool given_up() const {
    return bench.stream->ignores(kClient) == ~std::uint64_t{0} && bench.stream->ignores(kServer) == ~std::uint64_t{0};
  }
  // Everything is given back, and what began was finished.
  void end() {
    bench.stream.reset();
    EXPECT_EQ(bench.budget.used(), 0U);
    EXPECT_EQ(bench.sink.began_count(), bench.sink.finished_count);
  }

  Bench bench;
  std::uint64_t most = 0;
  std::int64_t time = 0;
};

TEST(Hostile, AMegabyteOfHeaders) {
  Attack attack;
  attack.feed(kClient, "GET / HTTP/1.1\r\nX: " + std::string(1 << 20, 'x') + "\r\nCookie: a\r\n\r\n");
  attack.feed(kServer, "HTTP/1.1 431 No\r\nContent-Length: 0\r\n\r\n");
  EXPECT_LE(attack.most, 140'000U);
  EXPECT_EQ(attack.bench.counters.of(Counter::kHeadersTooLarge), 1U);
  attack.end();
}

TEST(Hostile, ManyHeaderFields) {
  Attack attack;
  std::string head = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 200'000; ++i) head += "X: y\r\n";
  attack.feed(kClient, head + "\r\n");
  EXPECT_LE(attack.most, 140'000U);
  EXPECT_EQ(attack.bench.counters.of(Counter::kHeadersTooLarge), 1U);
  EXPECT_EQ(attack.bench.counters.of(Counter::kMalformedHttp), 1U);
  attack.end();
}

TEST(Hostile, EndlessInterimResponses) {
  Attack attack;
  attack.feed(kClient, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  std::string interim;
  for (int i = 0; i < 100'000; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
  attack.feed(kServer, interim);
  EXPECT_LE(attack.most, 4'000U);
  attack.end();
}

// Servers pass over them, and so does the reader: nothing is kept, and what follows is seen.
TEST(Hostile, EndlessChunkExtensionsAndTrailers) {
  Attack attack;
  const std::string chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string many(2 << 20, 'x');
  attack.feed(kClient, chunked + "1;" + many + "\r\na\r\n" + std::string(100'000, '0') + "1\r\na\r\n0\r\n\r\n");
  attack.feed(kClient, chunked + "0\r\nX: " + many + "\r\nY: " + many + "\r\n\r\n");
  attack.bench.sink.keep = true;
  attack.feed(kClient, "GET /after HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const std::string status : {"200", "201", "401"}) {
    attack.feed(kServer, "HTTP/1.1 " + status + " X\r\nContent-Length: 0\r\n\r\n");
  }
  EXPECT_LE(attack.most, 8'000U);
  EXPECT_EQ(attack.bench.counters.of(Counter::kMalformedHttp), 0U);
  attack.end();
  ASSERT_THAT(attack.bench.sink.summaries, SizeIs(3));
  EXPECT_EQ(attack.bench.sink.summaries[2].path, "/after");
  EXPECT_EQ(attack.bench.sink.summaries[2].status, 401);
}

TEST(Hostile, PipelineWithoutAnswers) {
  Attack attack;
  std::string requests;
  for (int i = 0; i < 100'000; ++i) requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  attack.feed(kClient, requests);
  EXPECT_LE(attack.most, 4'000'000U);
  attack.end();
  EXPECT_EQ(attack.bench.sink.finished_count, 100'000U);
}

TEST(Hostile, AServerThatTalksWithoutBeingAsked) {
  Attack attack;
  attack.feed(kServer, std::string(8 << 20, 's'));
  EXPECT_LE(attack.most, 3'500'000U);
  attack.end();
}

TEST(Hostile, ContinuationFlood) {
  for (const std::string& piece : {std::string(), std::string(1000, '\x88')}) {
    Attack attack;
    attack.feed(kClient, kPreface + settings() + frame(1, 0, 1, ""));
    for (int i = 0; i < 200'000 && !attack.given_up(); ++i) attack.feed(kClient, frame(9, 0, 1, piece));
    EXPECT_TRUE(attack.given_up());
    EXPECT_EQ(attack.bench.counters.of(Counter::kMalformedHttp), 1U);
    EXPECT_LE(attack.most, 20'000U);
    attack.end();
  }
}

TEST(Hostile, HpackBomb) {
  Attack attack;
  Http2Peer client;
  attack.feed(kClient, kPreface + settings());
  Fields fields = request("/");
  fields.emplace_back("x", std::string(3900, 'b'));
  attack.feed(kClient, client.headers(1, fields, kHeadEnd | kFin));
  // Each byte stands for the 3900 of the newest table entry.
  for (int block = 1; block <= 10; ++block) {
    const auto stream = static_cast<std::uint32_t>(2 * block + 1);
    attack.feed(kClient, frame(1, 0, stream, client.block(request("/bomb"))));
    for (int i = 0; i < 15; ++i) attack.feed(kClient, frame(9, 0, stream, std::string(16'000, '\xbe')));
    attack.feed(kClient, frame(9, kHeadEnd, stream, ""));
  }
  attack.feed(kClient, client.headers(101, request("/after"), kHeadEnd | kFin));
  EXPECT_EQ(attack.bench.counters.of(Counter::kHeadersTooLarge), 10U);
  EXPECT_EQ(attack.bench.counters.of(Counter::kMalformedHttp), 0U);
  EXPECT_LE(attack.most, 100'000U);
  attack.end();
  EXPECT_EQ(attack.bench.sink.finished_count, 12U);
}

TEST(Hostile, TablesOfManyConnectionsAreTakenFromTheBudget) {
  Scene scene;
  scene.budget = 1 << 20;
  Attack attack(scene);
  std::vector<std::unique_ptr<HttpStream>> streams;
  const std::string grow("\x3f\xe1\xff\x03", 4);  // a table of 64 KiB
  std::string entries = "\x82";
  for (int i = 0; i < 1600; ++i)
    entries += std::string("\x40\x02", 2) + std::to_string(10 + i % 90) + std::string("\x01", 1) + "v";
  for (int i = 0; i < 20; ++i) {
    streams.push_back(make_http_stream(*attack.bench.context, scene.facts, false));
    const std::string bytes = kPreface + settings() + frame(1, kHeadEnd, 1, grow + entries);
    streams.back()->data(kClient, bytes_of(bytes), at_ms(i));
  }
  EXPECT_GT(attack.bench.counters.of(Counter::kEvictedMemory), 0U);
  EXPECT_EQ(attack.bench.counters.of(Counter::kMalformedHttp), 0U) << "it is our memory that was short";
  EXPECT_LE(attack.bench.budget.used(), scene.budget);
  streams.clear();
  attack.end();
}

TEST(Hostile, RapidReset) {
  for (const bool server_there : {true, false}) {
    Attack attack;
    Http2Peer client;
    attack.feed(kClient, kPreface + settings());
    if (server_there) attack.feed(kServer, settings());
    for (std::uint32_t i = 0; i < 100'000; ++i) {
      attack.feed(kClient, client.headers(2 * i + 1, request("/"), kHeadEnd | kFin) + rst(2 * i + 1));
    }
    EXPECT_LE(attack.most, 4'000'000U);
    if (!server_there) attack.bench.stream->end(kServer, StreamEnd::kEvicted, at_ms(0));
    attack.end();
    EXPECT_EQ(attack.bench.sink.resets, 100'000U);
    EXPECT_EQ(attack.bench.counters.of(Counter::kStreamResets), 100'000U);
    EXPECT_EQ(attack.bench.sink.finished_count, 100'000U);
  }
}

TEST(Hostile, StreamsThatNobodyAnswers) {
  Attack attack;
  Http2Peer client;
  attack.feed(kClient, kPreface + settings());
  attack.feed(kServer, settings());
  for (std::uint32_t i = 0; i < 50'000; ++i) attack.feed(kClient, client.headers(2 * i + 1, request("/")));
  EXPECT_LE(attack.most, 4'000'000U);
  attack.end();
  EXPECT_EQ(attack.bench.sink.finished_count, 50'000U);
}

// What is not seen for want of memory is counted as that, once, and nobody is blamed for it.
void expect_said(const Attack& attack, std::uint64_t requests) {
  const Counters& counters = attack.bench.counters;
  EXPECT_EQ(counters.of(Counter::kEvictedMemory), attack.bench.budget.refusals() > 0 ? 1U : 0U);
  if (attack.bench.sink.finished_count < requests) {
    EXPECT_EQ(counters.of(Counter::kEvictedMemory), 1U);
  }
  EXPECT_EQ(counters.of(Counter::kMalformedHttp), 0U);
  EXPECT_EQ(counters.of(Counter::kNotHttp), 0U);
}

TEST(Hostile, NoMemoryAtAll) {
  for (const std::uint64_t budget : {0U, 100U, 1000U, 3000U, 6000U, 9000U, 1U << 20}) {
    SCOPED_TRACE(budget);
    Scene scene;
    scene.budget = budget;
    Attack one(scene);
    one.feed(kClient, "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTT");
    one.feed(kServer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    one.end();
    expect_said(one, 1);
    Attack two(scene);
    Http2Peer client;
    two.feed(kServer, "early");
    two.feed(kClient, kPreface + settings() + client.headers(1, request("/")) + data(1, "x"));
    two.end();
    expect_said(two, 1);
    Attack three(scene);
    Http2Peer other;
    three.feed(kClient, kPreface + settings());
    for (std::uint32_t i = 0; i < 20; ++i) three.feed(kClient, other.headers(2 * i + 1, request("/")));
    three.end();
    expect_said(three, 20);
  }
}

// A line that is cut by segments has to be kept.
TEST(Hostile, NoMemoryForPartsOfLines) {
  for (std::uint64_t budget = 0; budget < 6000; budget += 200) {
    SCOPED_TRACE(budget);
    Scene scene;
    scene.budget = budget;
    Attack attack(scene);
    attack.feed(kClient, "GET /a HT");
    attack.feed(kClient, "TP/1.1\r\nHost: a\r\nCookie: " + std::string(1000, 'x'));
    attack.feed(kClient, "\r\n\r\n");
    attack.feed(kServer, "HTTP/1.1 204 No Con");
    attack.feed(kServer, "tent\r\n\r\n");
    attack.end();
    expect_said(attack, 1);
  }
}

}  // namespace
}  // namespace tidegate::inspect::test
