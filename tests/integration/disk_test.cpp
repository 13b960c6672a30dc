// SPDX-License-Identifier: Apache-2.0
// A full disk under the decisions: enforcement goes on, the error is clear, nothing that was acknowledged is lost.
#include <sys/mount.h>

#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

class DiskTest : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(::mount("tmpfs", state_.path().c_str(), "tmpfs", 0, "size=4m"), 0);
  }
  void TearDown() override {
    agent_.reset();
    ::umount2(state_.path().c_str(), MNT_DETACH);
  }
  TempDir state_;
};

TEST_F(DiskTest, FullKeepsEnforcingAndLosesNothingThatWasAcknowledged) {
  AgentOptions options;
  options.state_dir = state_.path();
  ASSERT_TRUE(start(policy_of(kGenerous), options));
  tidegate({"block", "203.0.113.5"});
  shell("dd if=/dev/zero of=" + (state_.path() / "filler").string() + " bs=4k 2>/dev/null || true");
  std::vector<std::string> acknowledged = {"203.0.113.5"};
  Finished refused;
  for (int i = 0; i < 3000 && refused.exit_code != 1; ++i) {
    const std::string target = "2001:db8:d::" + std::to_string(i + 1);
    refused = agent().cli({"block", target, "--reason", std::string(200, 'x')});
    if (refused.exit_code == 0) acknowledged.push_back(target);
  }
  ASSERT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("disk"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find(state_.path().string()), std::string::npos) << "names the place: " << refused.err;
  EXPECT_TRUE(agent().running());
  EXPECT_FALSE(ping("203.0.113.5")) << "what was decided is enforced";
  EXPECT_TRUE(ping("203.0.113.6"));
  agent().kill();
  ASSERT_EQ(agent().start(), "") << "starts on a full disk too";
  EXPECT_EQ(agent().json({"decisions", "list"}).size(), acknowledged.size());
  EXPECT_FALSE(ping("203.0.113.5"));
  std::filesystem::remove(state_.path() / "filler");
  tidegate({"block", "203.0.113.6"});
  EXPECT_FALSE(ping("203.0.113.6")) << "room again, works again";
}

TEST_F(DiskTest, ADamagedStoreIsSaidAndEnforcementGoesOn) {
  AgentOptions options;
  options.state_dir = state_.path();
  ASSERT_TRUE(start(policy_of(kGenerous), options));
  tidegate({"block", "203.0.113.5"});
  agent().stop();
  shell("for f in " + state_.path().string() + "/*.db " + state_.path().string() +
        "/*.sqlite; do [ -e $f ] && dd if=/dev/urandom of=$f bs=1k count=8 conv=notrunc 2>/dev/null; done; rm -f " +
        state_.path().string() + "/*-wal; true");
  const Finished finished = agent().start_expecting_failure(seconds(5));
  EXPECT_NE((finished.err + finished.out).find(state_.path().string()), std::string::npos) << finished.err;
  EXPECT_FALSE(ping("203.0.113.5")) << "the datapath keeps what it has";
}

}  // namespace
}  // namespace tidegate::harness
