// SPDX-License-Identifier: Apache-2.0
// Sessions and accounts that rules block: from a request to the connections that the datapath drops.
#include "agent/control/identity_blocks.hpp"

#include <gmock/gmock.h>

#include "tests/unit/control/identity_fixture.hpp"

namespace tidegate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using namespace std::chrono_literals;

TEST_F(IdentityBlocksTest, BlockTheConnectionAndEachNewOneAfterItsFirstRequest) {
  apply(kIdentityRule);
  see_neighbour();
  see({.port = 1, .path = "/bad"});
  EXPECT_THAT(ports(), ElementsAre(1));
  EXPECT_THAT(sources_blocked(), IsEmpty()) << "the guard spares the address";
  see({.port = 2, .session = 2});
  see({.port = 3, .session = std::nullopt});
  see_neighbour();
  EXPECT_THAT(ports(), ElementsAre(1)) << "others of the address go on";
  see({.port = 4});
  see({.client = "203.0.113.8", .port = 5});
  see({.port = 6, .service = "shop"});
  EXPECT_THAT(ports(), ElementsAre(1, 4, 6, 5)) << "wherever the session turns up";
  const auto [expected, block] = *datapath_.flows.begin();
  EXPECT_EQ(expected, connection(1));
  EXPECT_EQ(block.rule, "abuse");
  ASSERT_EQ(blocked().size(), 1U);
  EXPECT_EQ(block.decision, static_cast<std::uint64_t>(blocked()[0].id));
  EXPECT_EQ(blocked()[0].target(), "session 01000000…");
  EXPECT_EQ(blocked()[0].connections_blocked, 4U);
  EXPECT_THAT(blocked()[0].reason, HasSubstr("by connection, not by source: other sessions that behave well share"));
  EXPECT_THAT(events(), HasSubstr("block session 01000000… by rule:abuse: 1 requests"));
  EXPECT_THAT(events(), HasSubstr("block connection 203.0.113.8:5 to 192.0.2.1:443 of session 01000000…"));
}

TEST_F(IdentityBlocksTest, BlockTheSourceAsWellWhereNobodyElseIs) {
  apply(kIdentityRule);
  see({.port = 1, .path = "/bad"});
  EXPECT_THAT(ports(), ElementsAre(1));
  EXPECT_THAT(sources_blocked(), ElementsAre("203.0.113.7"));
  EXPECT_THAT(blocked()[0].reason, HasSubstr("by connection and by source"));
}

TEST_F(IdentityBlocksTest, EndWithTheirTimeAndNoLater) {
  apply(kIdentityRule);
  see_neighbour();
  see({.port = 1, .path = "/bad"});
  EXPECT_EQ(datapath_.flows.begin()->second.expires, clock_.monotonic() + 10min);
  clock_.advance(4min);
  see({.port = 2});
  EXPECT_LE(datapath_.flows.at(connection(2)).expires, clock_.monotonic() + 6min) << "for the time that is left";
  clock_.advance(6min);
  see({.port = 3});
  EXPECT_FALSE(datapath_.flows.contains(connection(3)));
  ASSERT_TRUE(controllers_->decisions.tick());
  EXPECT_THAT(blocked(), IsEmpty());
  EXPECT_EQ(controllers_->identities.size(), 0U);
}

TEST_F(IdentityBlocksTest, AreRecognisedByTheWholeKeyAndWhereTheRuleLooks) {
  apply(
      "rules: [{name: abuse, service: web, match: {path: /bad}, key: [session, ja4], when: {count: 1, within: 1m},"
      " then: {action: block, for: 10m}}]\n");
  see_neighbour();
  see({.port = 1, .path = "/bad", .ja4 = "a"});
  see({.port = 2, .ja4 = "b"});
  see({.port = 3});
  see({.port = 4, .service = "shop", .ja4 = "a"});
  EXPECT_THAT(ports(), ElementsAre(1));
  see({.port = 5, .ja4 = "a"});
  EXPECT_THAT(ports(), ElementsAre(1, 5));
}

TEST_F(IdentityBlocksTest, OfAccountsAreBlockedInWhateverSession) {
  apply(
      "rules: [{name: abuse, match: {path: /bad}, key: account, when: {count: 1, within: 1m},"
      " then: {action: block, for: 10m}}]\n");
  see_neighbour();
  see({.port = 1, .path = "/bad", .session = 1, .account = 7});
  see({.port = 2, .session = 2, .account = 7});
  see({.port = 3, .session = 2, .account = 8});
  EXPECT_THAT(ports(), ElementsAre(1, 2));
  EXPECT_EQ(blocked()[0].target(), "account 07000000…");
}

TEST_F(IdentityBlocksTest, WithASourceInTheKeyAreBlockedThereOnly) {
  apply(
      "rules: [{name: abuse, match: {path: /bad}, key: [source, session], when: {count: 1, within: 1m},"
      " then: {action: block, for: 10m}}]\n");
  see_neighbour();
  see({.port = 1, .path = "/bad"});
  see({.client = "203.0.113.8", .port = 2});
  see({.port = 3});
  EXPECT_THAT(ports(), ElementsAre(1, 3));
}

TEST_F(IdentityBlocksTest, AreStillRecognisedAfterTheKeyOfTheirHashesWasReplaced) {
  apply(kIdentityRule);
  see_neighbour();
  see({.port = 1, .path = "/bad", .session = 1});
  see({.port = 2, .session = 21, .session_before = 1});
  EXPECT_THAT(ports(), ElementsAre(1, 2));
  see({.port = 3, .session = 21, .session_before = std::nullopt});
  EXPECT_THAT(ports(), ElementsAre(1, 2, 3)) << "by the new hash alone";
  see({.port = 4, .session = 22, .session_before = 2});
  EXPECT_EQ(ports().size(), 3U);
}

TEST_F(IdentityBlocksTest, AreNotTouchedBehindATrustedProxy) {
  apply(kIdentityRule);
  see({.client = "198.51.100.9", .port = 1, .path = "/bad", .session = 5, .proxied = "203.0.113.7"});
  EXPECT_THAT(blocked(), IsEmpty());
  EXPECT_THAT(events(), HasSubstr("behind a trusted proxy neither address nor connection belongs to one client"));
  see_neighbour();
  see({.port = 2, .path = "/bad"});
  for (int i = 0; i < 5; ++i) see({.client = "198.51.100.9", .port = 3, .proxied = "203.0.113.7"});
  EXPECT_THAT(ports(), ElementsAre(2));
  EXPECT_EQ(blocked()[0].behind_proxy, 5U);
  EXPECT_THAT(events(), HasSubstr("would block session 01000000…, which came through a trusted proxy; not enforced"));
  EXPECT_THAT(why().matches.front().evidence, HasSubstr("seen 5 times through a trusted proxy"));
}

// Who could act on it is told whom the proxy named.
TEST_F(IdentityBlocksTest, SeenBehindATrustedProxyAreReportedAsFindingsAre) {
  apply(kIdentityRule);
  see({.port = 2, .path = "/bad"});
  see({.client = "198.51.100.9", .port = 3, .service = "web", .proxied = "203.0.113.50"});
  const auto events = telemetry_->events().since(WallTime{}, {});
  const auto& detail = events.back().decision;
  ASSERT_TRUE(detail && detail->finding) << events.back().message;
  EXPECT_EQ(detail->change, telemetry::DecisionDetail::Change::kReported);
  EXPECT_EQ(detail->origin, "rule:abuse");
  EXPECT_EQ(detail->action, "block");
  EXPECT_EQ(detail->target->to_string(), "203.0.113.50");
  EXPECT_EQ(detail->finding->rule, "abuse");
  EXPECT_EQ(detail->finding->outcome, "trusted_proxy");
  EXPECT_EQ(detail->finding->named, address("203.0.113.50"));
  EXPECT_EQ(detail->finding->client.address, address("198.51.100.9"));
  EXPECT_EQ(detail->finding->client.port, 3);
  EXPECT_EQ(detail->finding->service, "web");
  EXPECT_EQ(detail->finding->time, clock_.wall());
  EXPECT_EQ(detail->finding->session.substr(0, 4), "0100");
  EXPECT_EQ(detail->reason, "1 requests (1 or more) within 1m");
}

TEST_F(IdentityBlocksTest, SeenMoreOftenThanCanWaitAreCounted) {
  apply(kIdentityRule);
  see({.port = 1, .path = "/bad"});
  auto& identities = controllers_->identities;
  std::uint16_t port = 2;
  while (port < 2 + control::IdentityBlocks::kMostWaiting) EXPECT_TRUE(identities.look(summary_of({.port = port++})));
  EXPECT_EQ(identities.refused().count, 0U);
  EXPECT_FALSE(identities.look(summary_of({.port = 2}))) << "this one waits already";
  EXPECT_EQ(identities.refused().count, 0U);
  EXPECT_FALSE(identities.look(summary_of({.port = port})));
  EXPECT_EQ(identities.refused().count, 1U);
  EXPECT_THAT(identities.refused().why, HasSubstr("1024 connections"));
}

TEST_F(IdentityBlocksTest, SpareWhomTheGuardAndTheSafelistProtect) {
  facts_.facts.push_back({Prefix::host(address("203.0.113.9")), decisions::Fact::Kind::kSshPeer, "port 22"});
  apply(kIdentityRule);
  see_neighbour("203.0.113.9");
  see({.client = "203.0.113.9", .port = 1, .path = "/bad"});
  EXPECT_THAT(blocked(), IsEmpty());
  EXPECT_THAT(events(), HasSubstr("rule:abuse would block session 01000000… for 10m"));
  see_neighbour();
  see({.port = 2, .path = "/bad", .session = 2});
  clock_.advance(10s);
  see({.client = "203.0.113.9", .port = 3, .session = 2});
  see({.client = "192.0.2.10", .port = 4, .session = 2});
  EXPECT_THAT(ports(), ElementsAre(2));
  EXPECT_THAT(events(),
              HasSubstr("connection 203.0.113.9:3 to 192.0.2.1:443 of session 02000000… could not be blocked"));
  EXPECT_EQ(controllers_->identities.refused().count, 0U) << "it was not for want of room";
}

TEST_F(IdentityBlocksTest, OfShadowRulesAreReportedOnly) {
  apply(
      "rules: [{name: abuse, key: session, when: {count: 1, within: 1m}, then: {action: block, for: 10m, mode: "
      "shadow}}]"
      "\n");
  see({.port = 1});
  see({.port = 2});
  EXPECT_THAT(ports(), IsEmpty());
  EXPECT_THAT(blocked(), IsEmpty());
  EXPECT_THAT(events(), HasSubstr("rule:abuse would block session 01000000… for 10m"));
}

TEST_F(IdentityBlocksTest, AreTakenBackAtOnceByIdAndByOrigin) {
  apply(kIdentityRule);
  see_neighbour();
  see({.port = 1, .path = "/bad", .session = 1});
  see({.port = 2, .path = "/bad", .session = 2});
  see({.port = 3, .session = 2});
  ASSERT_EQ(blocked().size(), 2U);
  const auto id = blocked()[0].id;
  EXPECT_GT(id, control::IdentityBlocks::kFirstId);
  EXPECT_EQ(controllers_->decisions.remove_ids({id, id + 1000}, "uid:0").value(), 1U);
  EXPECT_THAT(ports(), ElementsAre(2, 3));
  see({.port = 1, .session = 1});
  EXPECT_THAT(ports(), ElementsAre(2, 3)) << "forgotten";
  EXPECT_EQ(controllers_->decisions.remove_origin("rule:other", "uid:0").value(), 0U);
  EXPECT_EQ(controllers_->decisions.remove_origin("rule:abuse", "uid:0").value(), 1U);
  EXPECT_THAT(ports(), IsEmpty());
  EXPECT_THAT(events(), HasSubstr("deleted by uid:0: block session 02000000… by rule:abuse, with 2 connections"));
}

TEST_F(IdentityBlocksTest, WhoseConnectionsAreSharedKeepThemUntilTheLastIsGone) {
  apply(
      "rules: [{name: short, match: {path: /bad}, key: session, when: {count: 1, within: 1m},"
      " then: {action: block, for: 10m}},"
      "{name: long, match: {path: /worse}, key: account, when: {count: 1, within: 1m}, then: {action: block, for: 1h}}]"
      "\n");
  see_neighbour();
  see({.port = 1, .path = "/bad", .account = 7});
  see({.port = 1, .path = "/worse", .account = 7});
  EXPECT_EQ(datapath_.flows.at(connection(1)).rule, "long");
  EXPECT_EQ(controllers_->decisions.remove_origin("rule:long", "uid:0").value(), 1U);
  ASSERT_TRUE(datapath_.flows.contains(connection(1)));
  EXPECT_EQ(datapath_.flows.at(connection(1)).rule, "short");
  EXPECT_LE(datapath_.flows.at(connection(1)).expires, clock_.monotonic() + 10min);
  EXPECT_EQ(controllers_->decisions.remove_origin("rule:short", "uid:0").value(), 1U);
  EXPECT_THAT(ports(), IsEmpty());
}

TEST_F(IdentityBlocksTest, HoldAtMostSoManyConnectionsTheOldestMakingRoom) {
  apply(kIdentityRule);
  see_neighbour();
  see({.port = 1, .path = "/bad"});
  for (std::uint16_t port = 2; port <= control::IdentityBlocks::kMostConnections + 2; ++port) see({.port = port});
  EXPECT_EQ(datapath_.flows.size(), control::IdentityBlocks::kMostConnections);
  EXPECT_FALSE(datapath_.flows.contains(connection(1)));
  EXPECT_FALSE(datapath_.flows.contains(connection(2)));
  see({.port = 1});
  EXPECT_TRUE(datapath_.flows.contains(connection(1))) << "one that lives is blocked again at its next request";
  EXPECT_EQ(controllers_->decisions.remove_origin("rule:abuse", "uid:0").value(), 1U);
  EXPECT_THAT(ports(), IsEmpty());
}

TEST_F(IdentityBlocksTest, SayWhenTheTableIsFullAndTryAgain) {
  apply(kIdentityRule);
  datapath_.flow_capacity = 1;
  see_neighbour();
  see({.port = 1, .path = "/bad"});
  for (int i = 0; i < 3; ++i) see({.port = 2});
  EXPECT_THAT(ports(), ElementsAre(1));
  EXPECT_EQ(controllers_->identities.refused().count, 3U);
  EXPECT_THAT(events(), HasSubstr("could not be blocked: table flow_blocks is full"));
  EXPECT_THAT(controllers_->status.report().warnings,
              ::testing::Contains(HasSubstr("3 connections of blocked sessions or accounts were not blocked")));
  datapath_.flow_capacity = 2;
  see({.port = 2});
  EXPECT_THAT(ports(), ElementsAre(1, 2));
}

TEST_F(IdentityBlocksTest, AreExplained) {
  apply(kIdentityRule);
  see_neighbour();
  see({.port = 1, .path = "/bad"});
  see({.port = 2});
  ASSERT_TRUE(controllers_->attach.start());
  const auto report = why();
  EXPECT_EQ(report.verdict, "pass") << report.summary;
  EXPECT_THAT(report.summary, HasSubstr("2 of its connections are dropped by decisions on sessions or accounts"));
  ASSERT_GE(report.matches.size(), 2U);
  const auto& latest = report.matches[0];
  EXPECT_EQ(latest.kind, "connection");
  EXPECT_EQ(latest.origin, "rule:abuse");
  EXPECT_EQ(latest.target, "203.0.113.7:2 to 192.0.2.1:443");
  EXPECT_THAT(latest.reason, HasSubstr("not by source: other sessions that behave well share the source"));
  EXPECT_THAT(latest.evidence, HasSubstr("on session 01000000…, made "));
  EXPECT_EQ(*latest.expires, blocked()[0].expires);
  EXPECT_EQ(latest.undo, "tidegate decisions delete " + std::to_string(blocked()[0].id));
  EXPECT_THAT(why("203.0.113.8").matches, IsEmpty());
  const auto outcome = controllers_->decisions.unblock({"203.0.113.7"}, "uid:0");
  ASSERT_TRUE(outcome);
  ASSERT_EQ(outcome->front().still_blocked.size(), 1U);
  EXPECT_EQ(outcome->front().still_blocked[0].id, blocked()[0].id);
  decisions::Query query{.origin = std::nullopt, .contains = address("203.0.113.8")};
  EXPECT_THAT(controllers_->decisions.list_identities(query), IsEmpty());
  query = {.origin = "rule:abuse", .contains = address("203.0.113.7")};
  EXPECT_EQ(controllers_->decisions.list_identities(query).size(), 1U);
}

// Their hashes are keyed with a secret that no later agent has; what was blocked stays, and can be undone.
TEST_F(IdentityBlocksTest, OfAnEarlierAgentAreShownAndUndoneButNotRecognised) {
  apply(kIdentityRule);
  see_neighbour();
  see({.port = 1, .path = "/bad"});
  see({.port = 2});
  const auto before = blocked()[0];
  restart();
  apply(kIdentityRule);
  ASSERT_EQ(blocked().size(), 1U);
  EXPECT_EQ(blocked()[0].id, before.id);
  EXPECT_EQ(blocked()[0].origin(), "rule:abuse");
  EXPECT_EQ(blocked()[0].expires, before.expires);
  EXPECT_EQ(blocked()[0].connections.size(), 2U);
  EXPECT_EQ(blocked()[0].target(), "somebody that an earlier agent recognised");
  see({.port = 3});
  EXPECT_THAT(ports(), ElementsAre(1, 2));
  see_neighbour();
  see({.port = 3, .path = "/bad"});
  EXPECT_THAT(ports(), ElementsAre(1, 2, 3));
  EXPECT_NE(blocked()[1].id, before.id);
  EXPECT_EQ(controllers_->decisions.remove_ids({before.id}, "uid:0").value(), 1U);
  EXPECT_THAT(ports(), ElementsAre(3));
}

TEST_F(IdentityBlocksTest, StayWhenTheirRuleIsTakenOutOfThePolicy) {
  apply(kIdentityRule);
  see_neighbour();
  see({.port = 1, .path = "/bad"});
  apply("");
  see({.port = 2});
  EXPECT_THAT(ports(), ElementsAre(1, 2)) << "what was decided stays";
}

}  // namespace
}  // namespace tidegate::testing
