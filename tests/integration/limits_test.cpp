// SPDX-License-Identifier: Apache-2.0
// Limits on real traffic: who gets through, how much, and who is not harmed.
#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

using LimitsTest = AgentTest;

// What a GCRA lets through: its burst and its rate for as long as the packets came (0.5 s of slack for a busy machine).
void expect_limited(std::uint64_t passed, double rate, double burst, double time) {
  EXPECT_LE(static_cast<double>(passed), burst + rate * (time + 0.5));
  EXPECT_GE(static_cast<double>(passed), burst + rate * (time - 0.5) * 0.9);
}

TEST_F(LimitsTest, OneSourceIsHeldToItsRateAndAnotherIsNotHarmed) {
  UdpSink sink(edge(), 9000);
  ASSERT_TRUE(start(policy_of("  - {name: game, match: [udp/9000], limits: {packets: {rate: 1000/s, burst: 500}}}\n")));
  Process attack = start_flood("udp", "203.0.113.5", {"--port", "9000", "--rate", "50000", "--seconds", "3"});
  UdpSource(world(), "203.0.113.6", Topology::kEdge4, 9000).send_evenly(1000, seconds(2));
  ASSERT_TRUE(attack.wait(seconds(20)));
  EXPECT_EQ(sink.from("203.0.113.6"), 1000u);
  expect_limited(sink.from("203.0.113.5"), 1000, 500, 3);
  EXPECT_TRUE(eventually([&] { return dropped_for("packet_limit") > 100'000; }, seconds(5)));
}

TEST_F(LimitsTest, BytesAreLimitedByTheirLength) {
  UdpSink sink(edge(), 9000);
  ASSERT_TRUE(start(policy_of("  - {name: bulk, match: [udp/9000], limits: {bytes: {rate: 100kB/s, burst: 50kB}}}\n")));
  flood("udp", "2001:db8:c::5", {"--port", "9000", "--payload", "952", "--rate", "5000", "--seconds", "2"});
  expect_limited(sink.from("2001:db8:c::5"), 100, 50, 2);  // 40 + 8 + 952 bytes each
}

TEST_F(LimitsTest, ALimitDecisionTightensOneSource) {
  UdpSink sink(edge(), 9000);
  ASSERT_TRUE(start(policy_of(kGenerous)));
  tidegate({"limit", "203.0.113.0/24", "--packets", "100/s"});
  Process other = start_flood("udp", "203.0.113.6", {"--port", "9000", "--rate", "5000", "--seconds", "2"});
  flood("udp", "203.0.113.5", {"--port", "9000", "--rate", "5000", "--seconds", "2"});
  ASSERT_TRUE(other.wait(seconds(20)));
  // "each of its sources": 100 for a burst of one second.
  expect_limited(sink.from("203.0.113.5"), 100, 100, 2);
  expect_limited(sink.from("203.0.113.6"), 100, 100, 2);
  EXPECT_EQ(text(agent().json({"why", "203.0.113.5"}), "verdict"), "limit");
  tidegate({"decisions", "delete", "--origin", "operator"});
  const std::uint64_t before = sink.from("203.0.113.7");
  flood("udp", "203.0.113.7", {"--port", "9000", "--count", "1000"});
  EXPECT_EQ(sink.from("203.0.113.7") - before, 1000u);
}

TEST_F(LimitsTest, RelaxingALimitActsAtOnceOnSourcesInDebt) {
  UdpSink sink(edge(), 9000);
  const std::string tight =
      policy_of("  - {name: game, match: [udp/9000], limits: {packets: {rate: 6/m, burst: 100}}}\n");
  const std::string loose =
      policy_of("  - {name: game, match: [udp/9000], limits: {packets: {rate: 5000/s, burst: 1000}}}\n");
  ASSERT_TRUE(start(tight));
  flood("udp", "203.0.113.5", {"--port", "9000", "--rate", "5000", "--seconds", "1"});
  EXPECT_LE(sink.from("203.0.113.5"), 102u);  // now 1000 s in debt
  tidegate({"policy", "apply", agent().file("loose.yaml", loose).string()});
  const std::uint64_t before = sink.from("203.0.113.5");
  UdpSource(world(), "203.0.113.5", Topology::kEdge4, 9000).send_evenly(1000, seconds(1));
  // The bucket starts empty under the new limit: a sender that was stalled and catches up loses a few. In debt as
  // before, none would pass.
  EXPECT_GE(sink.from("203.0.113.5") - before, 500u);
}

TEST_F(LimitsTest, AForgedSafelistedSourceMeetsItsCeiling) {
  UdpSink sink(edge(), 9000);
  ASSERT_TRUE(start(policy_of(kGenerous, "safelist: [{address: 203.0.113.5, ceiling: 500/s}]\n")));
  flood("udp", "203.0.113.5", {"--port", "9000", "--rate", "20000", "--seconds", "2"});
  expect_limited(sink.from("203.0.113.5"), 500, 500, 2);
  EXPECT_TRUE(eventually([&] { return dropped_for("safelist_ceiling") > 10'000; }, seconds(5)));
}

TEST_F(LimitsTest, DryRunCountsAndDropsNothing) {
  UdpSink sink(edge(), 9000);
  const std::string service =
      "  - {name: game, match: [udp/9000], limits: {packets: {rate: 10/s, burst: 10}}, dry_run: true}\n";
  ASSERT_TRUE(start(policy_of(service)));
  flood("udp", "203.0.113.5", {"--port", "9000", "--rate", "5000", "--count", "5000"});
  EXPECT_EQ(sink.from("203.0.113.5"), 5000u);
  EXPECT_TRUE(eventually([&] { return row("services", "game").value("would_drop", 0) > 4900; }, seconds(5)));
  // The same for the whole host, over a service that is not in dry-run.
  const std::string enforced = "  - {name: game, match: [udp/9000], limits: {packets: {rate: 10/s, burst: 10}}}\n";
  tidegate({"policy", "apply", agent().file("host.yaml", policy_of(enforced, "enforce: false\n")).string()});
  tidegate({"block", "203.0.113.5"});
  flood("udp", "203.0.113.5", {"--port", "9000", "--rate", "5000", "--count", "1000"});
  EXPECT_EQ(sink.from("203.0.113.5"), 6000u);
  tidegate({"policy", "apply", agent().file("on.yaml", policy_of(enforced)).string()});
  flood("udp", "203.0.113.5", {"--port", "9000", "--rate", "5000", "--count", "1000"});
  EXPECT_EQ(sink.from("203.0.113.5"), 6000u);
}

}  // namespace
}  // namespace tidegate::harness
