// SPDX-License-Identifier: Apache-2.0
// What of sampled requests goes to the examiner.
#include <gmock/gmock.h>

#include "tests/unit/inspect/http/http2_peer.hpp"
#include "tests/unit/inspect/http/support.hpp"

namespace tidegate::inspect::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

struct Sampled {
  Summary summary;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
};

class Examined final : public SummarySink {
 public:
  std::uint64_t began() override { return ++begun_; }
  void finished(const Summary& summary) override { finished_.push_back(summary); }
  bool sampled(const Summary& summary, const Payload& payload) override {
    Sampled one{summary, {}, std::string(payload.body)};
    std::string_view head = payload.head;
    EXPECT_LE(head.size(), kMostPayloadHead);
    while (const auto field = take_field(head)) one.fields.emplace_back(field->first, field->second);
    EXPECT_TRUE(head.empty());
    EXPECT_LE(one.fields.size(), kMostPayloadFields);
    all.push_back(std::move(one));
    return room;
  }
  std::vector<Sampled> all;
  bool room = true;
  std::vector<Summary> finished_;

 private:
  std::uint64_t begun_ = 0;
};

class PayloadTest : public ::testing::Test {
 protected:
  void play(const Script& script, double sample = 1, std::uint32_t body = 100, std::uint64_t memory = 64 << 20) {
    InspectedService service;
    service.name = "all";
    service.payload_sample = sample;
    service.payload_body = body;
    Settings settings;
    settings.services = {service};
    MemoryBudget budget(memory);
    {
      const auto context = make_http_context({}, settings, sink, budget, counters);
      const auto stream = make_http_stream(*context, Scene::default_facts(), false);
      WallTime time = at_ms(0);
      for (const Step& step : script) {
        time += std::chrono::milliseconds(1);
        if (step.kind == Step::Kind::kGap) stream->gap(step.direction, step.size, time);
        if (step.kind == Step::Kind::kData) stream->data(step.direction, bytes_of(step.bytes), time);
      }
    }
    EXPECT_EQ(budget.used(), 0U);
  }
  std::uint64_t counted(Counter counter) const { return counters.of(counter); }

  Examined sink;
  Counters counters;
};

const std::string kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

TEST_F(PayloadTest, IsTargetFieldsAndBody) {
  play({says(kClient, "POST /a/7?q=%27 HTTP/1.1\r\nHost: h\r\nCookie: sid=x\r\nContent-Length: 5\r\n\r\nhe"),
        says(kClient, "llo"), says(kServer, kAnswer)});
  ASSERT_THAT(sink.all, SizeIs(1));
  const Sampled& one = sink.all[0];
  EXPECT_THAT(one.fields, ElementsAre(Pair(":path", "/a/7?q=%27"), Pair("Host", "h"), Pair("Cookie", "sid=x"),
                                      Pair("Content-Length", "5")));
  EXPECT_EQ(one.body, "hello");
  EXPECT_EQ(one.summary.kind, SummaryKind::kPayload);
  EXPECT_EQ(one.summary.path_template, "/a/{}");
  EXPECT_EQ(one.summary.status, 200) << "the request is over";
  EXPECT_EQ(one.summary.connection.flow, Scene::default_facts().flow);
  ASSERT_THAT(sink.finished_, SizeIs(1));
  EXPECT_EQ(sink.finished_[0].kind, SummaryKind::kRequest);
  EXPECT_EQ(counted(Counter::kPayloadsSampled), 1U);
  EXPECT_EQ(counted(Counter::kPayloadsCut), 0U);
}

TEST_F(PayloadTest, OfHttp2IsTheSame) {
  Http2Peer client;
  Http2Peer server;
  Fields fields = request("/p?x=1", "POST");
  fields.emplace_back("cookie", "a=b");
  play({says(kClient, kPreface + settings() + client.headers(1, fields) + data(1, "body", kFin)),
        says(kServer, settings() + server.headers(1, {{":status", "404"}}, kFin | kHeadEnd))});
  ASSERT_THAT(sink.all, SizeIs(1));
  EXPECT_THAT(sink.all[0].fields, ::testing::Contains(Pair(":path", "/p?x=1")));
  EXPECT_THAT(sink.all[0].fields, ::testing::Contains(Pair("host", ::testing::_)));
  EXPECT_THAT(sink.all[0].fields, ::testing::Contains(Pair("cookie", "a=b")));
  EXPECT_EQ(sink.all[0].body, "body");
}

TEST_F(PayloadTest, IsBounded) {
  std::string head = "POST /" + std::string(3000, 'p') + " HTTP/1.1\r\nContent-Length: 500\r\n";
  for (int i = 0; i < 200; ++i) head += "X-" + std::to_string(i) + ": " + std::string(150, 'v') + "\r\n";
  play({says(kClient, head + "\r\n" + std::string(500, 'b')), says(kServer, kAnswer)});
  ASSERT_THAT(sink.all, SizeIs(1));
  EXPECT_GT(sink.all[0].fields.size(), 50U);
  EXPECT_EQ(sink.all[0].body.size(), 100U);
  EXPECT_EQ(counted(Counter::kPayloadsCut), 1U);
}

TEST_F(PayloadTest, LeavesOutBodiesThatAreEncoded) {
  play({says(kClient,
             "POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b"
             "ab"),
        says(kServer, kAnswer)});
  ASSERT_THAT(sink.all, SizeIs(1));
  EXPECT_THAT(sink.all[0].body, IsEmpty());
}

TEST_F(PayloadTest, IsKeptOfASampleAlone) {
  Script script;
  for (int i = 0; i < 400; ++i) {
    script.push_back(says(kClient, "GET / HTTP/1.1\r\n\r\n"));
    script.push_back(says(kServer, kAnswer));
  }
  play(script, 0);
  EXPECT_THAT(sink.all, IsEmpty());
  play(script, 0.25);
  EXPECT_THAT(sink.all.size(), ::testing::AllOf(::testing::Gt(60U), ::testing::Lt(140U)));
}

TEST_F(PayloadTest, IsDroppedWhereThereIsNoRoom) {
  sink.room = false;
  const Script script{says(kClient, "GET / HTTP/1.1\r\n\r\n"), says(kServer, kAnswer)};
  play(script);
  EXPECT_EQ(counted(Counter::kPayloadsDropped), 1U);
  const Script large{says(kClient, "GET /" + std::string(12'000, 'a') + " HTTP/1.1\r\n\r\n"), says(kServer, kAnswer)};
  play(large, 1, 100, 26'000);
  EXPECT_EQ(counted(Counter::kPayloadsDropped), 2U) << "no memory";
  EXPECT_THAT(sink.finished_, SizeIs(2)) << "the requests are told of as ever";
}

TEST_F(PayloadTest, OfAWebSocketGoesWhenItBegins) {
  play({says(kClient, "GET /ws?x=1 HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
        says(kServer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
        says(kClient, std::string("\x81\x85mask.....", 11))});
  ASSERT_THAT(sink.all, SizeIs(1));
  EXPECT_FALSE(sink.all[0].summary.status) << "before its answer";
}

}  // namespace
}  // namespace tidegate::inspect::test
