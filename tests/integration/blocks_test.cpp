// SPDX-License-Identifier: Apache-2.0
// Blocks from the command to the packet: at once, for good or for a time, with and without the agent, a million of
// them.
#include <fstream>

#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

using BlocksTest = AgentTest;

TEST_F(BlocksTest, ActWhenTheCommandReturnsAndEndWhenItIsTakenBack) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  ASSERT_TRUE(ping("203.0.113.5") && ping("2001:db8:c::5", Topology::kEdge6));
  tidegate({"block", "203.0.113.5", "2001:db8:c::/64", "--reason", "test"});
  EXPECT_FALSE(ping("203.0.113.5"));
  EXPECT_FALSE(ping("2001:db8:c::5", Topology::kEdge6));
  EXPECT_TRUE(ping("203.0.113.6")) << "a neighbour is not blocked";
  EXPECT_TRUE(ping("2001:db8:c:1::5", Topology::kEdge6));
  tidegate({"unblock", "203.0.113.5", "2001:db8:c::/64"});
  EXPECT_TRUE(ping("203.0.113.5"));
  EXPECT_TRUE(ping("2001:db8:c::5", Topology::kEdge6));
}

TEST_F(BlocksTest, EndWhileNoAgentRuns) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  tidegate({"block", "203.0.113.5", "--for", "3s"});
  tidegate({"block", "203.0.113.6"});
  agent().kill();
  EXPECT_FALSE(ping("203.0.113.5")) << "enforcement outlives the agent";
  EXPECT_TRUE(eventually([&] { return ping("203.0.113.5"); }, seconds(10))) << "the datapath knows the expiry";
  EXPECT_FALSE(ping("203.0.113.6")) << "a block for good stays";
}

TEST_F(BlocksTest, ShorterBlockOfAnotherOriginDoesNotCutALongerOneShort) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  tidegate({"block", "203.0.113.5", "--for", "1h"});
  EXPECT_EQ(agent().cli({"decisions", "import", "-", "--origin", "feed:short"}, "203.0.113.5 1s short\n").exit_code, 0);
  EXPECT_TRUE(eventually(
      [&] {
        return agent().json({"decisions", "list", "--origin", "feed:short"}).empty();
      },
      seconds(10)));
  EXPECT_FALSE(ping("203.0.113.5"));
  tidegate({"unblock", "203.0.113.5"});
  EXPECT_TRUE(ping("203.0.113.5"));
}

std::string million() {
  std::string lines;
  for (unsigned i = 0; i < 500'000; ++i) {
    lines +=
        "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255) + "\n";
  }
  char text[64];
  for (unsigned i = 0; i < 500'000; ++i) {
    std::snprintf(text, sizeof text, "2001:db8:f:%x::%x\n", i >> 16, i & 0xffff);
    lines += text;
  }
  return lines;
}

constexpr std::uint64_t kMostMemory = 60'000'000;  // of the agent beside its tables

TEST_F(BlocksTest, AMillionAreImportedAndEnforced) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  const auto file = agent().file("million.txt", million());
  const auto begin = std::chrono::steady_clock::now();
  const Finished imported =
      agent().cli({"decisions", "import", file.string(), "--origin", "feed:test"}, "", seconds(300));
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  RecordProperty("import_ms", static_cast<int>((std::chrono::steady_clock::now() - begin) / milliseconds(1)));
  EXPECT_EQ(row("tables", "blocks").value("entries", 0), 1'000'000);
  EXPECT_LE(agent().peak_memory(), kMostMemory) << "while a million are imported";
  const auto passed = [&](const char* sources) {
    UdpSink sink(edge(), 9000);
    flood("udp", sources, {"--port", "9000", "--count", "2000"});
    return sink.all();
  };
  // 10.0.0.0 … 10.7.161.31 are blocked; the edge would answer neither, but it would receive them.
  edge().sh("for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done");
  EXPECT_EQ(passed("10.0.0.0/14"), 0u);
  EXPECT_EQ(passed("10.128.0.0/14"), 2000u);
  EXPECT_EQ(passed("2001:db8:f:3::/112"), 0u);
  EXPECT_EQ(passed("2001:db8:e:3::/112"), 2000u);
  // They survive an agent that dies, and the next one agrees with the store.
  agent().kill();
  ASSERT_EQ(agent().start(), "");
  EXPECT_LE(agent().peak_memory(), kMostMemory) << "while it starts with a million";
  EXPECT_EQ(row("tables", "blocks").value("entries", 0), 1'000'000);
  EXPECT_EQ(passed("10.0.0.0/14"), 0u);
  tidegate({"decisions", "delete", "--origin", "feed:test"});
  EXPECT_EQ(passed("10.0.0.0/14"), 2000u);
}

TEST_F(BlocksTest, AFullTableRefusesTheImportAndKeepsWhatIsThere) {
  AgentOptions options;
  options.blocks = 1024;
  ASSERT_TRUE(start(policy_of(kGenerous), options));
  tidegate({"block", "203.0.113.5"});
  std::string lines;
  for (unsigned i = 0; i < 20'000; ++i)
    lines += "10.1." + std::to_string(i >> 8) + "." + std::to_string(i & 255) + "\n";
  const Finished refused = agent().cli({"decisions", "import", "-", "--origin", "feed:big"}, lines);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("blocks"), std::string::npos) << "names the table: " << refused.err;
  EXPECT_EQ(agent().json({"decisions", "list"}).size(), 1u) << "nothing half-applied";
  EXPECT_FALSE(ping("203.0.113.5"));
  tidegate({"block", "203.0.113.6"});
  EXPECT_FALSE(ping("203.0.113.6")) << "there is room again";
}

TEST_F(BlocksTest, ImportReportsBadLinesAndAppliesNothing) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  const Finished refused = agent().cli({"decisions", "import", "-"}, "203.0.113.5 1h ok\nnonsense\n203.0.113.9/24\n");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("2"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("203.0.113.0/24"), std::string::npos)
      << "names the prefix that was meant: " << refused.err;
  EXPECT_TRUE(ping("203.0.113.5"));
}

}  // namespace
}  // namespace tidegate::harness
