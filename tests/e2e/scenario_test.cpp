// SPDX-License-Identifier: Apache-2.0
// One story from end to end: an edge is attacked, Tidegate is switched on, the operator looks, decides and takes it
// back.
#include "tests/e2e/edge.hpp"

namespace tidegate::harness {
namespace {

using ScenarioTest = EdgeTest;

TEST_F(ScenarioTest, AnEdgeUnderAttackServesItsClientsAgain) {
  const Seen calm = watch(2);
  ASSERT_GE(calm.share(), 0.99);
  Process attack = start_attack("203.0.113.0/26", 60);
  Process spoofed = start_flood("syn", "0.0.0.0/0", {"--port", "80", "--rate", "30000", "--seconds", "60"});
  const Seen before = watch(4);
  ASSERT_TRUE(start(policy_of(kWeb)));
  watch(4);  // those who are new meanwhile prove themselves
  Seen after = watch(4);
  for (int more = 0; more < 4 && after.share() < 0.95; ++more) after = watch(4);  // another program took the CPU
  EXPECT_GE(after.share(), 0.95);
  EXPECT_LT(after.median * 5, before.median) << "calm: " << calm.median << " ms";

  // Who is it?
  nlohmann::json attacker;
  EXPECT_TRUE(eventually(
      [&] {
        for (const auto& row : agent().json({"top", "--once", "--by", "source"})) {
          if (text(row, "source").starts_with("203.0.113.")) attacker = row;
        }
        return !attacker.is_null();
      },
      seconds(10)));
  ASSERT_FALSE(attacker.is_null());
  for (const char* key : {"source", "service", "passed_pps", "dropped_pps", "dropped_total", "reason"}) {
    EXPECT_TRUE(attacker.contains(key)) << key;
  }
  EXPECT_TRUE(attacker.value("estimated", false));

  // It is thrown out altogether, and let in again.
  tidegate({"block", "203.0.113.0/26", "--for", "10m", "--reason", "connection flood"});
  EXPECT_EQ(get("203.0.113.1"), "000");
  const auto why = agent().json({"why", "203.0.113.1"});
  EXPECT_EQ(text(why, "verdict"), "drop");
  ASSERT_FALSE(why["matches"].empty());
  EXPECT_EQ(text(why["matches"][0], "reason"), "connection flood");
  std::string undo = text(why["matches"][0], "undo");
  EXPECT_NE(undo.find("unblock 203.0.113.0/26"), std::string::npos) << undo;
  attack.stop();
  spoofed.stop();
  // The command it names is the one that works.
  shell(undo.replace(undo.find("tidegate"), 8, program("tidegate").string() + " --socket " + agent().socket().string()),
        edge().name());
  EXPECT_TRUE(eventually([&] { return get("203.0.113.1") == "200"; }, seconds(20)));
}

TEST_F(ScenarioTest, AnyAddressCanBeExplained) {
  ASSERT_TRUE(start(policy_of(kWeb)));
  const auto innocent = agent().json({"why", "203.0.113.77"});
  EXPECT_EQ(text(innocent, "verdict"), "pass");
  EXPECT_NE(agent().cli({"why", "203.0.113.77"}).out.find("nothing would drop this"), std::string::npos);
  EXPECT_EQ(agent().cli({"why", "not-an-address"}).exit_code, 2);
}

}  // namespace
}  // namespace tidegate::harness
