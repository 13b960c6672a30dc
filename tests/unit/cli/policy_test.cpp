// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/unit/cli/fake_agent.hpp"
#include "tests/unit/cli/runner.hpp"

namespace tidegate::cli::test {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

constexpr const char* kGood = R"(version: 1
interfaces: [{name: eth0}]
services:
  - name: web
    match: [tcp/443]
    limits: {packets: {rate: 100/s}}
    tls: {inspect: true}
rules:
  - name: scan
    match: {status: 404}
    when: {count: 10, within: 1m}
    then: {action: block, for: 1h}
)";
constexpr const char* kBad = R"(version: 1
interfaces: [{name: eth0}]
services:
  - name: web
    match: [tcp/443]
    limits: {packets: {rate: 100/q}}
)";

class PolicyCommands : public ::testing::Test {
 protected:
  FakeAgent agent;
  Runner run{agent.socket()};
  std::string good = file("good.yaml", kGood);

  std::string file(const std::string& name, const std::string& text) {
    const std::string path = agent.directory() / name;
    std::ofstream(path) << text;
    return path;
  }

  void differ() {
    auto& change = *agent.policy.diff.response.add_changes();
    change.set_kind(v1::PolicyChange::CHANGED);
    change.set_path("services.web.limits.packets.rate");
    change.set_before("100/s");
    change.set_after("50/s");
    agent.policy.diff.response.set_valid(true);
  }
};

TEST_F(PolicyCommands, CheckNeedsNoAgentAndNamesWhatIsNotEnforced) {
  Runner alone{"/nonexistent/socket"};
  const Ran ran = alone({"policy", "check", good});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, good + ": valid, 1 service, enforcing\n");
}

TEST_F(PolicyCommands, CheckNamesFileLineAndColumn) {
  const std::string bad = file("bad.yaml", kBad);
  const Ran ran = run({"policy", "check", bad});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr(bad + ":6:30: "));
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1);
}

TEST_F(PolicyCommands, CheckReadsStandardInputAndSpeaksJson) {
  run.input = kBad;
  const Ran ran = run({"policy", "check", "-", "-o", "json"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("<stdin>:6:30: "));
  const Json document = Json::parse(ran.out);
  EXPECT_EQ(document["valid"], false);
  EXPECT_EQ(document["issues"][0]["line"], 6);
  EXPECT_EQ(document["issues"][0]["severity"], "error");
}

TEST_F(PolicyCommands, AFileThatIsNotThereIsOneLine) {
  const Ran ran = run({"policy", "check", "/nonexistent/policy.yaml"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("/nonexistent/policy.yaml"));
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1);
}

TEST_F(PolicyCommands, DiffExits0WithAndWithoutDifference) {
  differ();
  const Ran ran = run({"policy", "diff", good});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "~ services.web.limits.packets.rate  100/s → 50/s\n");
  EXPECT_EQ(agent.policy.diff.asked.text(), kGood);
  agent.policy.diff.response.clear_changes();
  const Ran same = run({"policy", "diff", good});
  EXPECT_EQ(same.exit, 0);
  EXPECT_EQ(same.out, "no difference\n");
}

TEST_F(PolicyCommands, DiffOfAnInvalidPolicyFails) {
  auto& issue = *agent.policy.diff.response.add_issues();
  issue.set_line(6);
  issue.set_column(30);
  issue.set_message("no such rate");
  const Ran ran = run({"policy", "diff", good});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr(good + ":6:30: no such rate\n"));
}

TEST_F(PolicyCommands, ApplyShowsDifferenceWarningsAndHowToConfirm) {
  differ();
  auto& warning = *agent.policy.diff.response.add_issues();
  warning.set_line(4);
  warning.set_column(5);
  warning.set_message("tight");
  warning.set_warning(true);
  agent.policy.apply.response.set_generation(4);
  agent.policy.apply.response.mutable_confirm_by()->set_seconds(kNow + 300);
  const Ran ran = run({"policy", "apply", good, "--confirm", "5m", "--force", "--comment", "why"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.err, good + ":4:5: warning: tight\n");
  EXPECT_EQ(ran.out,
            "~ services.web.limits.packets.rate  100/s → 50/s\n"
            "applied as generation 4\n"
            "keep it with `tidegate policy confirm` by 2030-01-01T00:05:00Z (within 5m); "
            "otherwise the previous policy comes back\n");
  EXPECT_EQ(agent.policy.apply.asked.confirm_within().seconds(), 300);
  EXPECT_TRUE(agent.policy.apply.asked.force());
  EXPECT_EQ(agent.policy.apply.asked.comment(), "why");
  EXPECT_EQ(agent.policy.apply.asked.caller_peers_size(), 0);
}

TEST_F(PolicyCommands, ApplyAndRollbackTellTheCallersSession) {
  differ();
  run.variables["SSH_CONNECTION"] = "198.51.100.9 50000 192.0.2.1 22";
  EXPECT_EQ(run({"policy", "apply", good}).exit, 0);
  ASSERT_EQ(agent.policy.apply.asked.caller_peers_size(), 1);
  EXPECT_EQ(agent.policy.apply.asked.caller_peers(0), "198.51.100.9");
  EXPECT_EQ(run({"policy", "rollback"}).exit, 0);
  EXPECT_EQ(agent.policy.rollback.asked.caller_peers_size(), 1);
}

TEST_F(PolicyCommands, ApplyOfAnInvalidPolicyAsksForNothing) {
  agent.policy.diff.response.add_issues()->set_message("bad");
  const Ran ran = run({"policy", "apply", good});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("nothing was applied"));
  EXPECT_EQ(agent.policy.apply.calls, 0);
}

TEST_F(PolicyCommands, ApplyDryRunSaysThatNothingChanged) {
  differ();
  const Ran ran = run({"policy", "apply", good, "--dry-run"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_TRUE(agent.policy.apply.asked.dry_run());
  EXPECT_THAT(ran.out, HasSubstr("nothing was changed"));
  EXPECT_EQ(Json::parse(run({"policy", "apply", good, "--dry-run", "-o", "json"}).out)["dry_run"], true);
}

TEST_F(PolicyCommands, ASecondApplyWhileOneWaitsIsRefused) {
  differ();
  agent.policy.apply.status = {grpc::StatusCode::FAILED_PRECONDITION, "generation 2 waits for confirm"};
  const Ran ran = run({"policy", "apply", good});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(ran.err, "tidegate: generation 2 waits for confirm\n");
}

TEST_F(PolicyCommands, ConfirmRollbackShowHistory) {
  agent.policy.confirm.response.set_generation(4);
  EXPECT_EQ(run({"policy", "confirm"}).out, "confirmed; generation 4 stays in force\n");
  agent.policy.rollback.response.set_generation(5);
  EXPECT_EQ(run({"policy", "rollback", "3"}).out, "no difference\nrolled back as generation 5\n");
  EXPECT_EQ(agent.policy.rollback.asked.generation(), 3U);
  agent.policy.show.response.set_generation(5);
  agent.policy.show.response.set_text(kGood);
  EXPECT_EQ(run({"policy", "show"}).out, kGood) << "ready to be a file";
  EXPECT_EQ(Json::parse(run({"policy", "show", "-o", "json"}).out)["generation"], 5);
  auto& generation = *agent.policy.history.response.add_generations();
  generation.set_generation(5);
  generation.mutable_applied()->set_seconds(kNow);
  generation.set_actor("uid:0");
  generation.set_comment("rollback to 3");
  generation.set_active(true);
  EXPECT_EQ(run({"policy", "history"}).out,
            "GENERATION  APPLIED               BY     COMMENT        STATE\n"
            "         5  2030-01-01T00:00:00Z  uid:0  rollback to 3  in force\n");
  EXPECT_TRUE(Json::parse(run({"policy", "history", "-o", "json"}).out)[0]["confirm_by"].is_null());
}

}  // namespace
}  // namespace tidegate::cli::test
