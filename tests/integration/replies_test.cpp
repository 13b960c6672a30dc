// SPDX-License-Identifier: Apache-2.0
// Which UDP answers are replies to the host. Everything that is no reply is dropped here: what arrives was recognised.
#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

constexpr std::uint16_t kPeerPort = 7777;
constexpr std::uint16_t kLowPort = 123;  // not ephemeral: the port alone does not make a query of a datagram
constexpr milliseconds kPatience{2000};  // for an answer that must come, however busy the machine is
constexpr milliseconds kBrief{100};      // for one that must not

struct Family {
  const char* host;
  const char* peer;
};

class RepliesTest : public AgentTest, public testing::WithParamInterface<Family> {
 protected:
  // One packet an hour from each source, and that one is spent.
  void start_dropping_everything(const std::string& services = "") {
    ASSERT_TRUE(
        start(policy_of(services + "  - {name: nothing, default: true, limits: {packets: {rate: 1/h, burst: 1}}}\n")));
    UdpSource(world(), GetParam().peer, GetParam().host, 9).send();
    UdpSource(world(), GetParam().peer, GetParam().host, 9).send();
    ASSERT_TRUE(eventually([&] { return dropped_for("packet_limit") >= 1; }, seconds(5)));
  }
  UdpQuery query(std::uint16_t from, UdpQuery::Kind kind) const {
    return {edge(), GetParam().host, from, GetParam().peer, kPeerPort, kind};
  }
};

// As resolvers and time daemons do: the egress program sees the socket (skb->sk) and that it has a peer.
TEST_P(RepliesTest, AnswersToAConnectedSocketAreReplies) {
  const UdpResponder peer(world(), GetParam().peer, kPeerPort);
  start_dropping_everything();
  EXPECT_EQ(query(kLowPort, UdpQuery::Kind::kConnected).ask(200, kPatience), 200u);
  EXPECT_TRUE(eventually([&] { return row("reasons", "reply").value("passed", 0) >= 200; }, seconds(5)));
}

TEST_P(RepliesTest, AnUnconnectedSocketAsksOnlyFromAnEphemeralPort) {
  const UdpResponder peer(world(), GetParam().peer, kPeerPort);
  start_dropping_everything();
  EXPECT_EQ(query(0, UdpQuery::Kind::kUnconnected).ask(100, kPatience), 100u);
  EXPECT_EQ(query(kLowPort, UdpQuery::Kind::kUnconnected).ask(5, kBrief), 0u) << "a server, and its peer a client";
}

// A server that connects a socket to each client must not turn its clients into replies.
TEST_P(RepliesTest, AConnectedSocketOnThePortOfAServiceMakesNoReplies) {
  const UdpResponder peer(world(), GetParam().peer, kPeerPort);
  start_dropping_everything("  - {name: time, match: [udp/123], limits: {packets: {rate: 1/h, burst: 1}}}\n");
  EXPECT_LE(query(kLowPort, UdpQuery::Kind::kConnected).ask(5, kBrief), 1u);
}

TEST_P(RepliesTest, AnAnswerFromAnotherPortIsNoReply) {
  const UdpResponder peer(world(), GetParam().peer, kPeerPort);
  start_dropping_everything();
  const UdpQuery asked = query(kLowPort, UdpQuery::Kind::kConnected);
  ASSERT_EQ(asked.ask(1, kPatience), 1u);
  for (int i = 0; i < 100; ++i) UdpSource(world(), GetParam().peer, GetParam().host, kLowPort).send();
  EXPECT_TRUE(eventually([&] { return dropped_for("packet_limit") >= 100; }, seconds(5)));
  EXPECT_EQ(row("reasons", "reply").value("passed", 0), 1);
}

INSTANTIATE_TEST_SUITE_P(Families, RepliesTest,
                         testing::Values(Family{Topology::kEdge4, Topology::kWorld4},
                                         Family{Topology::kEdge6, Topology::kWorld6}));

}  // namespace
}  // namespace tidegate::harness
