// SPDX-License-Identifier: Apache-2.0
// Connections whose beginning was not seen, and those of which one direction is seen.
#include "tests/unit/inspect/tcp/recorder.hpp"

namespace tidegate::inspect {
namespace {

using test::OwnedSegment;
using test::TcpScript;
using test::TcpScriptOptions;

class MidStreamTest : public TcpTest {};

TEST_F(MidStreamTest, StartsWithTheFirstBytesSeen) {
  add(TcpScript().client("hello").server("world").segments());
  EXPECT_TRUE(only().mid_stream);
  EXPECT_EQ(only().client(), "hello");
  EXPECT_EQ(only().server(), "world");
  EXPECT_EQ(counters_.of(Counter::kMidStream), 1U);
  EXPECT_EQ(only().flow, TcpScriptOptions::default_flow());
}

TEST_F(MidStreamTest, TheOwnerKnowsTheServerWhoeverIsSeenFirst) {
  TcpScriptOptions options;
  options.flow.client.port = 80;  // lower than the server's
  add(TcpScript(options).server("world").client("hello").segments());
  EXPECT_EQ(only().flow, options.flow);
  EXPECT_EQ(only().client(), "hello");
  EXPECT_EQ(only().server(), "world");
}

TEST_F(MidStreamTest, OtherwiseTheLowerPortServes) {
  owner_.server_port = 1;
  add(TcpScript().server("world").segments());
  EXPECT_EQ(only().flow, TcpScriptOptions::default_flow());
}

TEST_F(MidStreamTest, WithoutBytesThereIsNothingToFollow) {
  TcpScript script;
  script.acknowledge(Direction::kToServer).acknowledge(Direction::kToClient).close();
  add(script.segments());
  EXPECT_EQ(owner_.asked, 0U);
}

TEST_F(MidStreamTest, OneDirectionAlone) {
  const auto all = TcpScript({.segment_size = 2}).handshake().client("abcd").server("wxyz").close().segments();
  for (const auto& segment : all) {
    if (segment.head.source.port == 443) table_.add(segment.view());
  }
  EXPECT_FALSE(only().mid_stream) << "the answer to a SYN was seen";
  EXPECT_EQ(only().server(), "wxyz");
  EXPECT_EQ(only().end[1], StreamEnd::kFinished);
  EXPECT_FALSE(only().end[0]);
}

TEST_F(MidStreamTest, OneDirectionAloneGoesOnAfterALongLoss) {
  TcpScript script({.acknowledge = false});
  script.client("ab").lose(Direction::kToServer, 100'000'000).client("cd");
  add(script.segments());
  EXPECT_EQ(only().client(), "ab[100000000]cd");
}

TEST_F(MidStreamTest, AHoleOfOneDirectionAloneWaitsForItsEnd) {
  TcpScript script({.acknowledge = false});
  script.client("ab").lose(Direction::kToServer, 10).client("cd");
  add(script.segments());
  EXPECT_EQ(only().client(), "ab");
  table_.finish(end_);
  EXPECT_EQ(only().client(), "ab[10]cd");
}

}  // namespace
}  // namespace tidegate::inspect
