// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/engine/engine.hpp"

#include <cstring>

#include "tests/unit/inspect/engine/fixture.hpp"

namespace tidegate::inspect {
namespace {

using test::TcpScript;

class EngineTest : public EngineFixture {};

TEST_F(EngineTest, APacketBecomesASummary) {
  make(web_settings());
  feed(TcpScript().handshake().client(kGet).server(kNoContent).close());
  ASSERT_EQ(sink_.summaries.size(), 1U);
  const Summary& summary = sink_.summaries.front();
  EXPECT_EQ(summary.method + " " + summary.path, "GET /orders/17");
  EXPECT_EQ(summary.status, 204);
  EXPECT_EQ(summary.service, "web");
  EXPECT_EQ(summary.connection.flow.client, test::TcpScriptOptions::default_flow().client);
  EXPECT_EQ(count(Counter::kConnections), 1U);
  EXPECT_EQ(count(Counter::kCleartext), 1U);
  EXPECT_EQ(count(Counter::kRequests), 1U);
  EXPECT_EQ(count(Counter::kLossy), 0U);
}

// The client sends a harmless request that its server drops, and then the other one.
TEST_F(EngineTest, ASegmentThatTheServerDropsHidesNothing) {
  for (const auto origin : {ChecksumOrigin::kUntold, ChecksumOrigin::kFilledIn}) {
    make(web_settings());
    sink_.summaries.clear();
    const std::string harmless = "GET /a_page/12 HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
    ASSERT_EQ(harmless.size(), kGet.size());
    auto talk = test::TcpScript().handshake().client(kGet).server(kNoContent).close().segments();
    auto frames = test::to_frames(talk);
    auto forged = frames[3];
    std::memcpy(forged.bytes.data() + forged.bytes.size() - harmless.size(), harmless.data(), harmless.size());
    frames.insert(frames.begin() + 3, forged);
    for (const test::TimedFrame& frame : frames) {
      engine_->packet({.bytes = frame.bytes, .wire_size = frame.wire_size, .time = frame.time, .checksum = origin});
    }
    ASSERT_EQ(sink_.summaries.size(), 1U);
    EXPECT_EQ(sink_.summaries[0].path, "/orders/17");
    EXPECT_EQ(count(Counter::kBadChecksum), 1U);
  }
}

TEST_F(EngineTest, OtherServicesCostNothing) {
  make(web_settings());
  test::TcpScriptOptions options;
  options.flow.server.port = 5432;
  feed(TcpScript(options).handshake().client(kGet).server(kNoContent).close());
  EXPECT_EQ(sink_.begun, 0U);
  EXPECT_EQ(count(Counter::kConnections), 0U);
  EXPECT_EQ(engine_->memory_used(), 0U);
}

TEST_F(EngineTest, EverythingIsGivenBack) {
  make(web_settings());
  for (std::uint32_t i = 0; i < 200; ++i) {
    TcpScript script(client_number(i));
    script.handshake().client(i % 2 == 0 ? kGet : std::string("\x16\x03\x01\x02", 4)).lose(Direction::kToServer, 10);
    script.client(kGet).server(kNoContent);
    if (i % 3 == 0) script.close();
    feed(script);
  }
  engine_->finish(last_);
  EXPECT_EQ(engine_->connections(), 0U);
  EXPECT_EQ(engine_->memory_used(), 0U);
}

// ---- PROXY protocol ----

constexpr const char* kProxyHeader = "PROXY TCP4 203.0.113.77 192.0.2.1 51000 443\r\n";

TEST_F(EngineTest, AProxyHeaderOfATrustedProxyIsBelieved) {
  Settings settings = web_settings();
  settings.trusted_proxies = {*Prefix::parse("198.51.100.0/24")};
  make(settings);
  feed(TcpScript().handshake().client(kProxyHeader + kGet).server(kNoContent).close());
  ASSERT_EQ(sink_.summaries.size(), 1U);
  EXPECT_EQ(sink_.summaries.front().proxied, Address::parse("203.0.113.77").value());
}

TEST_F(EngineTest, AnothersIsOnlyTakenOff) {
  make(web_settings());
  feed(TcpScript().handshake().client(kProxyHeader + kGet).server(kNoContent).close());
  ASSERT_EQ(sink_.summaries.size(), 1U);
  EXPECT_EQ(sink_.summaries.front().status, 204);
  EXPECT_FALSE(sink_.summaries.front().proxied);
}

TEST_F(EngineTest, AProxyHeaderCutAnywhere) {
  Settings settings = web_settings();
  settings.trusted_proxies = {*Prefix::parse("198.51.100.0/24")};
  const std::string whole = kProxyHeader + kGet;
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    make(settings);
    sink_.summaries.clear();
    feed(TcpScript().handshake().client(whole.substr(0, cut)).client(whole.substr(cut)).server(kNoContent).close());
    ASSERT_EQ(sink_.summaries.size(), 1U) << cut;
    EXPECT_EQ(sink_.summaries.front().proxied, Address::parse("203.0.113.77").value()) << cut;
    engine_->finish(last_);
    EXPECT_EQ(engine_->memory_used(), 0U) << cut;
  }
}

TEST_F(EngineTest, AProxyHeaderWithoutEndIsBounded) {
  make(web_settings());
  std::string endless("\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", 16);
  TcpScript script;
  script.handshake().client(endless);
  for (int i = 0; i < 40; ++i) script.client(std::string(1000, 'x'));
  feed(script);
  EXPECT_LT(engine_->memory_used(), 200'000U);
  engine_->finish(last_);
  EXPECT_EQ(engine_->memory_used(), 0U);
  EXPECT_TRUE(sink_.summaries.empty());
}

// ---- beginnings that are missing ----

TEST_F(EngineTest, AConnectionIsTakenUpInItsMiddle) {
  make(web_settings());
  feed(TcpScript().client("rest of a body\r\n").server("more").client(kGet).server(kNoContent).close());
  ASSERT_EQ(sink_.summaries.size(), 1U);
  EXPECT_EQ(sink_.summaries.front().path, "/orders/17");
  EXPECT_EQ(sink_.summaries.front().status, 204);
  EXPECT_EQ(count(Counter::kMidStream), 1U);
}

TEST_F(EngineTest, BytesThatAreNoMessageAreWaitedThrough) {
  make(web_settings());
  TcpScript script;
  for (int i = 0; i < 100; ++i) script.server(std::string(1400, '\x80'));
  feed(script);
  EXPECT_EQ(count(Counter::kCleartext), 0U);
  EXPECT_LT(engine_->memory_used(), 10'000U);
}

// ---- settings ----

TEST_F(EngineTest, AServiceThatIsNoLongerInspectedIsNoLongerRead) {
  make(web_settings());
  TcpScript script;
  script.handshake().client(kGet).server(kNoContent);
  feed(script);
  ASSERT_EQ(sink_.summaries.size(), 1U);
  engine_->set_settings({});
  const std::size_t before = script.segments().size();
  script.client(kGet).server(kNoContent);
  const auto all = script.segments();
  feed({all.begin() + static_cast<std::ptrdiff_t>(before), all.end()});
  EXPECT_EQ(sink_.summaries.size(), 1U);
}

// ---- overload ----

TEST_F(EngineTest, NewConnectionsAreShedWholeAndCounted) {
  make(web_settings());
  engine_->set_shedding(Shedding::kNewFlows, 0.5);
  for (std::uint32_t i = 0; i < 400; ++i) {
    feed(TcpScript(client_number(i)).handshake().client(kGet).server(kNoContent).close());
  }
  EXPECT_EQ(sink_.summaries.size() + count(Counter::kShedFlows), 400U);
  EXPECT_NEAR(static_cast<double>(count(Counter::kShedFlows)), 200, 50);
  for (const Summary& summary : sink_.summaries) EXPECT_EQ(summary.status, 204);
}

TEST_F(EngineTest, ServersAreShedAndClientsStillRead) {
  make(web_settings());
  TcpScript script;
  script.handshake().client(kGet).server(kNoContent);
  feed(script);
  engine_->set_shedding(Shedding::kServerPayload, 1.0);
  const std::size_t before = script.segments().size();
  script.server(kNoContent).client(kGet).server(kNoContent).client(kGet).server(kNoContent).close();
  const auto all = script.segments();
  feed({all.begin() + static_cast<std::ptrdiff_t>(before), all.end()});
  ASSERT_EQ(sink_.summaries.size(), 3U);
  EXPECT_EQ(sink_.summaries[0].status, 204);
  for (std::size_t i = 1; i < 3; ++i) {
    EXPECT_EQ(sink_.summaries[i].path, "/orders/17");
    EXPECT_FALSE(sink_.summaries[i].status);
  }
  EXPECT_GT(count(Counter::kShedPayloadBytes), 0U);
  EXPECT_EQ(count(Counter::kLossy), 1U);
}

// What waits for keys that never come takes a quarter of the memory at most, and new connections are still read.
TEST_F(EngineTest, WaitingForKeysLeavesRoomForOthers) {
  Settings settings = web_settings();
  settings.memory_bytes = 4'000'000;
  make(settings);
  for (std::uint32_t i = 0; i < 100; ++i) {
    // A ClientHello of nothing but a random, an answer that chooses TLS 1.2 and AES-128-GCM, then records.
    std::string hello("\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03", 11);
    hello += std::string(32, static_cast<char>(i)) + std::string("\x00\x00\x02\x00\x9c\x01\x00\x00\x00", 9);
    std::string answer("\x16\x03\x03\x00\x2c\x02\x00\x00\x28\x03\x03", 11);
    answer += std::string(32, 'r') + std::string("\x00\x00\x9c\x00\x00\x00", 6);
    std::string records("\x14\x03\x03\x00\x01\x01", 6);
    for (int r = 0; r < 20; ++r) records += std::string("\x17\x03\x03\x10\x00", 5) + std::string(4096, 'c');
    feed(TcpScript(client_number(i)).handshake().client(hello).server(answer).client(records));
  }
  EXPECT_GT(engine_->waiting() + count(Counter::kKeyWaitOverflow), 50U);
  EXPECT_GT(count(Counter::kKeyWaitOverflow), 0U);
  EXPECT_LT(engine_->memory_used(), 2'400'000U);
  feed(TcpScript().handshake().client(kGet).server(kNoContent).close());
  EXPECT_EQ(sink_.summaries.size(), 1U);
  engine_->tick(last_ + std::chrono::seconds(6));
  EXPECT_EQ(engine_->waiting(), 0U);
  EXPECT_EQ(count(Counter::kNoKey), 100U);
  engine_->finish(last_);
  EXPECT_EQ(engine_->memory_used(), 0U);
}

// Idle connections make room when memory is short, long before their ordinary time.
TEST_F(EngineTest, ShortMemoryForgetsTheIdleSooner) {
  Settings settings = web_settings();
  settings.memory_bytes = 1'000'000;
  make(settings);
  std::uint32_t opened = 0;
  while (static_cast<double>(engine_->memory_used()) < 0.85 * 1e6 && opened < 5000) {
    feed(TcpScript(client_number(opened++)).handshake().client("GET / HTTP/1.1\r\nHost: a\r\n"));
  }
  ASSERT_GT(engine_->connections(), 50U);
  for (int second = 0; second < 60; ++second) engine_->tick(last_ + std::chrono::seconds(second));
  EXPECT_LT(static_cast<double>(engine_->memory_used()), 0.75e6) << "what shedding calls low";
}

// Anybody can send those, with addresses that are not theirs.
TEST_F(EngineTest, ShortMemoryForgetsWhatNobodyAnsweredFirst) {
  Settings settings = web_settings();
  settings.memory_bytes = 1'000'000;
  make(settings);
  const auto answered = TcpScript().handshake().client("GET / HTTP/1.1\r\nHost: a\r\n").segments();
  feed(answered);
  std::uint32_t opened = 0;
  while (static_cast<double>(engine_->memory_used()) < 0.85 * 1e6 && opened < 5000) {
    const auto all = TcpScript(client_number(opened++)).handshake().client("GET / HTTP/1.1\r\nHost: a\r\n").segments();
    feed({all[0], all[3]});  // its SYN and what it says
  }
  for (int tenth = 0; tenth < 40; ++tenth) engine_->tick(last_ + std::chrono::milliseconds(100 * tenth));
  EXPECT_EQ(engine_->connections(), 1U);
  EXPECT_EQ(count(Counter::kEvictedMemory), opened);
}

// With too little memory for a connection, for its PROXY header or for its request, that is what is counted.
TEST_F(EngineTest, ShortMemoryIsNeverSilent) {
  int unseen = 0;
  for (std::uint64_t memory = 1024; memory < 8192; memory += 64) {
    Settings settings = web_settings();
    settings.memory_bytes = memory;
    make(settings);
    sink_.summaries.clear();
    feed(TcpScript()
             .handshake()
             .client("PROXY TCP4 203.0.113.1 ")
             .client("203.0.113.2 ")
             .client("1 2\r\n" + kGet)
             .server(kNoContent)
             .close());
    if (!sink_.summaries.empty()) continue;
    ++unseen;
    EXPECT_EQ(count(Counter::kEvictedMemory), 1U) << memory;
    EXPECT_EQ(count(Counter::kMalformedHttp) + count(Counter::kNotHttp), 0U) << memory;
  }
  EXPECT_GT(unseen, 17);
  EXPECT_EQ(sink_.summaries.size(), 1U);
}

TEST_F(EngineTest, MalformedPacketsAreCounted) {
  make(web_settings());
  const std::vector<std::byte> frame(20, std::byte{0x45});
  engine_->packet(LinkType::kRawIp, frame, 20, {});
  engine_->packet(LinkType::kRawIp, Bytes(frame).first(3), 3, {});
  EXPECT_EQ(count(Counter::kPackets), 2U);
  EXPECT_GT(count(Counter::kMalformedPackets), 0U);
}

}  // namespace
}  // namespace tidegate::inspect
