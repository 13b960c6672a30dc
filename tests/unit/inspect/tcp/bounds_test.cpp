// SPDX-License-Identifier: Apache-2.0
// What attackers choose is bounded.
#include "tests/unit/inspect/tcp/recorder.hpp"

namespace tidegate::inspect {
namespace {

using test::OwnedSegment;
using test::TcpScript;
using test::TcpScriptOptions;

class BoundsTest : public TcpTest {
 protected:
  explicit BoundsTest(std::uint64_t memory = 8 << 20)
      : TcpTest({.connections = 100, .out_of_order_bytes = 4096}, memory) {}

  static TcpScriptOptions client(unsigned number) {
    TcpScriptOptions options;
    options.flow.client = {Address::from_v4(0xcb007100U + number / 50'000),
                           static_cast<std::uint16_t>(number % 50'000 + 1000)};
    options.start += std::chrono::seconds(number);
    options.acknowledge = false;
    return options;
  }
  void open(unsigned number) { add(TcpScript(client(number)).handshake().client("x").server("y").segments()); }
};

TEST_F(BoundsTest, TheLongestIdleConnectionMakesRoom) {
  for (unsigned i = 0; i < 100; ++i) open(i);
  TcpScriptOptions late = client(0);
  late.start += std::chrono::seconds(200);
  add(TcpScript(late).handshake().client("x").client("more").segments(), {4});
  EXPECT_EQ(owner_.connections[0]->client(), "xmore");
  open(300);
  EXPECT_EQ(table_.size(), 100U);
  EXPECT_FALSE(owner_.connections[0]->end[0]) << "it spoke lately";
  EXPECT_EQ(owner_.connections[1]->end[0], StreamEnd::kEvicted);
  EXPECT_EQ(counters_.of(Counter::kEvictedMemory), 1U);
}

TEST_F(BoundsTest, ASynFloodEvictsNoConnection) {
  for (unsigned i = 0; i < 100; ++i) open(i);
  for (unsigned i = 1000; i < 6000; ++i) add(TcpScript(client(i)).handshake().segments(), {0});
  EXPECT_EQ(table_.size(), 100U);
  EXPECT_EQ(counters_.of(Counter::kEvictedMemory), 0U);
}

TEST_F(BoundsTest, ForgedBytesEvictOneConnectionAtMost) {
  for (unsigned i = 0; i < 100; ++i) open(i);
  for (unsigned i = 1000; i < 6000; ++i) add(TcpScript(client(i)).client("forged").segments());
  EXPECT_EQ(table_.size(), 100U);
  std::size_t evicted = 0;
  for (unsigned i = 0; i < 100; ++i) evicted += owner_.connections[i]->end[0] ? 1 : 0;
  EXPECT_EQ(evicted, 1U);
}

TEST_F(BoundsTest, BytesOfManySynsAreBounded) {
  const std::string text(1400, 'x');
  for (unsigned i = 0; i < 5000; ++i) {
    auto syn = TcpScript(client(i)).handshake().segments().front();
    const auto bytes = std::as_bytes(std::span(text));
    syn.payload.assign(bytes.begin(), bytes.end());
    table_.add(syn.view());
  }
  EXPECT_LE(budget_.used(), 1U << 20);
  EXPECT_GT(budget_.used(), 0U);
}

TEST_F(BoundsTest, MoreThanTheBoundOutOfOrderGivesTheHoleUp) {
  TcpScript script({.segment_size = 1000, .acknowledge = false});
  script.handshake().client("ab").lose(Direction::kToServer, 10).client(std::string(3000, 'x'));
  add(script.segments());
  EXPECT_EQ(only().client(), "ab");
  EXPECT_LE(budget_.used(), 4096U);
  script.client(std::string(1500, 'y'));
  add(script.segments());
  EXPECT_EQ(only().client(), "ab[10]" + std::string(3000, 'x') + std::string(1500, 'y'));
  EXPECT_EQ(counters_.of(Counter::kReorderOverflow), 1U);
  EXPECT_EQ(counters_.of(Counter::kLostBytes), 10U);
}

TEST_F(BoundsTest, OneSegmentBeyondTheBoundIsPassedOnAsItIs) {
  TcpScript script({.segment_size = 10'000, .acknowledge = false});
  script.handshake().client("ab").lose(Direction::kToServer, 10).client(std::string(10'000, 'x'));
  add(script.segments());
  EXPECT_EQ(only().client(), "ab[10]" + std::string(10'000, 'x'));
}

TEST_F(BoundsTest, WithoutMemoryTheHoleIsGivenUp) {
  ASSERT_TRUE(budget_.take(budget_.limit() - 50));
  TcpScript script({.segment_size = 100, .acknowledge = false});
  script.handshake().client("ab").lose(Direction::kToServer, 10).client("later");
  add(script.segments());
  EXPECT_EQ(only().client(), "ab[10]later");
  EXPECT_EQ(counters_.of(Counter::kReorderOverflow), 1U);
  budget_.give_back(budget_.limit() - 50);
}

class LittleMemoryTest : public BoundsTest {
 protected:
  LittleMemoryTest() : BoundsTest(1 << 20) {}
};

TEST_F(LittleMemoryTest, HolesOfManyConnectionsLeaveSomeToOthers) {
  for (unsigned i = 0; i < 100; ++i) {
    TcpScript script(client(i));
    add(script.handshake().client("x").lose(Direction::kToServer, 1).client(std::string(3900, 'y')).segments());
  }
  EXPECT_GT(budget_.used(), 200'000U);
  EXPECT_LE(budget_.used(), 1U << 18) << "a quarter";
  EXPECT_GT(counters_.of(Counter::kReorderOverflow), 0U);
}

TEST_F(BoundsTest, IgnoredConnectionsAreBounded) {
  owner_.refuse = true;
  for (unsigned i = 0; i < 1000; ++i) open(i);
  owner_.refuse = false;
  add(TcpScript(client(999)).handshake().client("x").client("more").segments(), {4});
  EXPECT_EQ(owner_.asked, 1000U) << "still remembered";
  add(TcpScript(client(0)).handshake().client("x").client("more").segments(), {4});
  EXPECT_EQ(owner_.asked, 1001U) << "forgotten, and asked for anew";
}

TEST_F(BoundsTest, EndedConnectionsAreRememberedWithinABound) {
  for (unsigned i = 0; i < 100; ++i) add(TcpScript(client(i)).handshake().client("x").close().segments());
  EXPECT_EQ(table_.size(), 0U);
  add(TcpScript(client(99)).handshake().client("x").segments(), {3});
  EXPECT_EQ(owner_.asked, 100U) << "a late segment";
  add(TcpScript(client(0)).handshake().client("x").segments(), {3});
  EXPECT_EQ(owner_.asked, 101U) << "forgotten";
}

// Thousands of holes of one byte: the work for a segment stays bounded, and nothing is lost but the holes given up.
TEST_F(BoundsTest, ManySmallHolesAreBounded) {
  auto script = TcpScript({.acknowledge = false});
  script.handshake();
  add(script.segments());
  OwnedSegment one = TcpScript().handshake().client("z").segments().at(3);
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    one.head.sequence = 1002 + 2 * ((i * 7919) % 20'000);
    table_.add(one.view());
  }
  EXPECT_LE(budget_.used(), 4096U);
  EXPECT_GT(counters_.of(Counter::kReorderOverflow), 0U);
}

}  // namespace
}  // namespace tidegate::inspect
