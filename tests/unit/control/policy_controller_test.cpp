// SPDX-License-Identifier: Apache-2.0
#include "agent/control/policy_controller.hpp"

#include "tests/unit/control/fixture.hpp"

namespace tidegate::control {
namespace {

using std::chrono::minutes;
using testing::kOtherPolicy;
using testing::kPolicy;

class PolicyControllerTest : public testing::ControlTest {
 protected:
  PolicyController& policy() { return controllers_->policy; }
  Result<ApplyReport> apply(const std::string& text, std::optional<std::chrono::nanoseconds> confirm = {}) {
    auto wanted = request(text);
    wanted.confirm_within = confirm;
    return policy().apply(wanted);
  }
};

TEST_F(PolicyControllerTest, ApplyIsRecordedEnforcedAndAttached) {
  const auto report = apply(kPolicy);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(datapath_.generations, std::vector<std::uint32_t>{static_cast<std::uint32_t>(report->generation)});
  EXPECT_EQ(recorded_generation(), report->generation);
  EXPECT_TRUE(datapath_.attached.contains("eth0"));
  EXPECT_FALSE(report->changes.empty());
  EXPECT_EQ(policy().show(0)->text, kPolicy);
}

TEST_F(PolicyControllerTest, ErrorsComeWithLineAndColumnAndChangeNothing) {
  apply_first();
  const auto report = apply("version: 1\nservices:\n  - name: api\n    match: [tcp/99999]\n");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(report.error().message.substr(0, 2), "4:") << report.error().message;
  EXPECT_EQ(datapath_.generations.size(), 1U);
  EXPECT_FALSE(policy().check("services: 3").valid);
}

TEST_F(PolicyControllerTest, ABadDescriptionRefusesAnApplyAndNothingElse) {
  const std::string described =
      "version: 1\ninterfaces: [eth0]\nservices:\n"
      "  - {name: api, match: [tcp/443], tls: {inspect: true}, openapi: api.yaml}\n";
  ASSERT_TRUE(apply(described));
  ASSERT_TRUE(apply(kPolicy));
  description_problem_ = "service api: openapi: api.yaml:7:1: no good";
  const auto refused = apply(described);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "4:66: service api: openapi: api.yaml:7:1: no good");
  EXPECT_FALSE(policy().check(described).valid);
  EXPECT_EQ(policy().show(0)->text, kPolicy);
  // What was accepted once is enforced, with or without it.
  const auto back = policy().rollback({.generation = 0, .actor = "uid:0"});
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_TRUE(std::any_of(back->warnings.begin(), back->warnings.end(),
                          [&](const policy::Issue& issue) { return issue.message == description_problem_; }));
  crash();
  ASSERT_TRUE(policy().start());
  EXPECT_EQ(policy().show(0)->text, described);
  const auto warnings = controllers_->status.report().warnings;
  EXPECT_TRUE(std::any_of(warnings.begin(), warnings.end(), [&](const std::string& warning) {
    return warning == "requests are not held against their API description: " + description_problem_;
  }));
}

TEST_F(PolicyControllerTest, DryRunChangesNothing) {
  apply_first();
  auto wanted = request(kOtherPolicy);
  wanted.dry_run = true;
  const auto report = policy().apply(wanted);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->changes.empty());
  EXPECT_EQ(report->generation, recorded_generation());
  EXPECT_EQ(datapath_.generations.size(), 1U);
}

TEST_F(PolicyControllerTest, DiffNamesWhatChanges) {
  apply_first();
  const auto report = policy().diff(kOtherPolicy);
  ASSERT_TRUE(report.valid);
  const auto names_rate = [](const policy::Change& change) {
    return change.path == "services.api.limits.packets.rate";
  };
  EXPECT_TRUE(std::any_of(report.changes.begin(), report.changes.end(), names_rate));
  EXPECT_TRUE(policy().diff(kPolicy).changes.empty());
}

// --- Every step can fail: what was in force still is, and the record agrees with the datapath.

class FailingStep : public PolicyControllerTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(FailingStep, NothingIsHalfApplied) {
  apply_first();
  const std::uint64_t before = recorded_generation();
  const std::string step = GetParam();
  std::string text = kOtherPolicy;
  if (step == "begin") flaky_->fail_begin = true;
  if (step == "datapath") datapath_.fail_applies = 1;
  if (step == "attach") text.replace(text.find("{name: eth0}"), 12, "{name: eth1}, {name: eth9}");
  if (step == "finish") flaky_->fail_finish = true;

  ASSERT_FALSE(apply(text));
  EXPECT_EQ(datapath_.generations.back(), before);
  EXPECT_EQ(datapath_.service_count, 1U) << "the datapath still has the first policy";
  EXPECT_EQ(recorded_generation(), before);
  EXPECT_TRUE(datapath_.attached.contains("eth0"));
  EXPECT_FALSE(datapath_.attached.contains("eth1"));

  flaky_->fail_begin = flaky_->fail_finish = false;
  EXPECT_TRUE(apply(kOtherPolicy)) << "the way is free again";
  EXPECT_EQ(datapath_.generations.back(), recorded_generation());
}
INSTANTIATE_TEST_SUITE_P(Steps, FailingStep, ::testing::Values("begin", "datapath", "attach", "finish"),
                         [](const auto& step) { return std::string(step.param); });

// The process dies with the record unfinished, before or after the datapath has the new image.
TEST_F(PolicyControllerTest, CrashBeforeFinishLeavesTheAcknowledgedPolicy) {
  apply_first();
  const std::uint64_t acknowledged = recorded_generation();
  flaky_->fail_finish = true;
  flaky_->fail_discard = true;
  datapath_.fail_applies = 0;
  ASSERT_FALSE(apply(kOtherPolicy));
  crash();
  ASSERT_TRUE(controllers_->start());
  EXPECT_EQ(recorded_generation(), acknowledged);
  EXPECT_EQ(datapath_.generations.back(), acknowledged);
  EXPECT_EQ(datapath_.service_count, 1U);
  EXPECT_TRUE(apply(kOtherPolicy)) << "the unfinished record does not stand in the way";
}

TEST_F(PolicyControllerTest, AcknowledgedPolicySurvivesACrash) {
  apply_first();
  ASSERT_TRUE(apply(kOtherPolicy));
  const std::uint64_t acknowledged = recorded_generation();
  crash();
  ASSERT_TRUE(controllers_->start());
  EXPECT_EQ(controllers_->enforcement.in_force()->generation, acknowledged);
  EXPECT_EQ(controllers_->enforcement.in_force()->policy.text, kOtherPolicy);
}

// --- Confirm.

TEST_F(PolicyControllerTest, UnconfirmedPolicyIsTakenBack) {
  apply_first();
  const auto report = apply(kOtherPolicy, minutes(5));
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_TRUE(report->confirm_by);
  EXPECT_EQ(*report->confirm_by, clock_.wall() + minutes(5));
  clock_.advance(minutes(4));
  ASSERT_TRUE(policy().revert_overdue());
  EXPECT_EQ(datapath_.service_count, 2U) << "too early";
  clock_.advance(minutes(2));
  ASSERT_TRUE(policy().revert_overdue());
  EXPECT_EQ(datapath_.service_count, 1U);
  EXPECT_EQ(controllers_->enforcement.in_force()->policy.text, kPolicy);
  EXPECT_GT(recorded_generation(), report->generation) << "going back makes a new generation";
  EXPECT_FALSE(policy().pending());
}

TEST_F(PolicyControllerTest, ConfirmedPolicyStays) {
  apply_first();
  const auto report = apply(kOtherPolicy, minutes(5));
  ASSERT_TRUE(report);
  ASSERT_EQ(policy().confirm("uid:0").value(), report->generation);
  clock_.advance(minutes(10));
  ASSERT_TRUE(policy().revert_overdue());
  EXPECT_EQ(recorded_generation(), report->generation);
  EXPECT_EQ(policy().confirm("uid:0").error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(PolicyControllerTest, DeadlineHoldsAcrossACrash) {
  apply_first();
  ASSERT_TRUE(apply(kOtherPolicy, minutes(5)));
  crash();
  ASSERT_TRUE(controllers_->start());
  EXPECT_EQ(datapath_.service_count, 2U) << "its time is not over: it still waits";
  ASSERT_TRUE(policy().pending());
  crash();
  clock_.advance(minutes(6));
  ASSERT_TRUE(controllers_->start());
  EXPECT_EQ(datapath_.service_count, 1U) << "its time ran out while no agent was there";
  EXPECT_FALSE(policy().pending());
}

TEST_F(PolicyControllerTest, LateConfirmIsRefused) {
  apply_first();
  ASSERT_TRUE(apply(kOtherPolicy, minutes(5)));
  clock_.advance(minutes(6));
  EXPECT_EQ(policy().confirm("uid:0").error().code, ErrorCode::kFailedPrecondition);
  ASSERT_TRUE(policy().revert_overdue());
  EXPECT_EQ(datapath_.service_count, 1U);
}

TEST_F(PolicyControllerTest, RevertIsTriedAgainWhenItFails) {
  apply_first();
  ASSERT_TRUE(apply(kOtherPolicy, minutes(5)));
  clock_.advance(minutes(6));
  datapath_.fail_applies = 1;
  EXPECT_FALSE(policy().revert_overdue());
  EXPECT_TRUE(policy().revert_overdue());
  EXPECT_EQ(datapath_.service_count, 1U);
}

// What an operator was promised does not wait for a disk that is full.
TEST_F(PolicyControllerTest, TheEarlierPolicyIsEnforcedAgainThoughNothingCanBeRecorded) {
  apply_first();
  const std::uint64_t first = recorded_generation();
  ASSERT_TRUE(apply(kOtherPolicy, minutes(5)));
  clock_.advance(minutes(6));
  flaky_->fail_begin_revert = true;
  const auto tried = policy().revert_overdue();
  ASSERT_FALSE(tried);
  EXPECT_NE(tried.error().message.find("cannot be recorded"), std::string::npos) << tried.error().message;
  EXPECT_NE(tried.error().message.find("disk is full"), std::string::npos) << tried.error().message;
  EXPECT_EQ(datapath_.service_count, 1U);
  EXPECT_EQ(controllers_->enforcement.in_force()->generation, first);
  const std::size_t writes = datapath_.generations.size();
  EXPECT_FALSE(policy().revert_overdue());
  EXPECT_EQ(datapath_.generations.size(), writes) << "only the record is tried again";
  EXPECT_EQ(policy().confirm("uid:0").error().code, ErrorCode::kFailedPrecondition);

  flaky_->fail_begin_revert = false;
  flaky_->fail_finish = true;
  EXPECT_FALSE(policy().revert_overdue());
  EXPECT_EQ(datapath_.service_count, 1U);
  EXPECT_EQ(controllers_->enforcement.in_force()->generation, first);
  flaky_->fail_finish = false;
  ASSERT_TRUE(policy().revert_overdue());
  EXPECT_EQ(datapath_.service_count, 1U);
  EXPECT_EQ(datapath_.generations.back(), recorded_generation());
  EXPECT_FALSE(policy().pending());
}

TEST_F(PolicyControllerTest, AMissingInterfaceDoesNotKeepAnUnconfirmedPolicyInForce) {
  ASSERT_TRUE(apply("version: 1\ninterfaces: [{name: eth0}, {name: eth1}]\n"));
  ASSERT_TRUE(apply(kOtherPolicy, minutes(5)));
  datapath_.existing.erase("eth1");
  clock_.advance(minutes(6));
  ASSERT_TRUE(policy().revert_overdue());
  EXPECT_EQ(datapath_.service_count, 0U);
  EXPECT_TRUE(datapath_.attached.contains("eth0"));
  EXPECT_FALSE(policy().pending());
}

TEST_F(PolicyControllerTest, SecondApplyWhileWaitingIsRefused) {
  apply_first();
  ASSERT_TRUE(apply(kOtherPolicy, minutes(5)));
  const auto second = apply(kPolicy);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(second.error().message.find("confirm"), std::string::npos);
  EXPECT_EQ(datapath_.service_count, 2U);
}

TEST_F(PolicyControllerTest, ConfirmNeedsSomethingToGoBackTo) {
  EXPECT_EQ(apply(kPolicy, minutes(5)).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(datapath_.generations.empty());
}

// --- Rollback.

TEST_F(PolicyControllerTest, RollbackMakesANewGeneration) {
  apply_first();
  const std::uint64_t first = recorded_generation();
  ASSERT_TRUE(apply(kOtherPolicy));
  const auto back = policy().rollback({.generation = 0, .actor = "uid:0"});
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_GT(back->generation, first + 1);
  EXPECT_EQ(policy().show(0)->text, kPolicy);
  const auto forth = policy().rollback({.generation = first + 1, .actor = "uid:0"});
  ASSERT_TRUE(forth);
  EXPECT_EQ(policy().show(0)->text, kOtherPolicy);
  EXPECT_EQ(policy().history()->size(), 4U);
}

TEST_F(PolicyControllerTest, RollbackWhileWaitingGoesBackAtOnce) {
  apply_first();
  ASSERT_TRUE(apply(kOtherPolicy, minutes(5)));
  ASSERT_TRUE(policy().rollback({.generation = 0, .actor = "uid:0"}));
  EXPECT_EQ(datapath_.service_count, 1U);
  EXPECT_FALSE(policy().pending());
}

TEST_F(PolicyControllerTest, RollbackToNowhereIsNotFound) {
  EXPECT_EQ(policy().rollback({.generation = 0, .actor = "uid:0"}).error().code, ErrorCode::kNotFound);
  apply_first();
  EXPECT_EQ(policy().rollback({.generation = 77, .actor = "uid:0"}).error().code, ErrorCode::kNotFound);
}

// --- First start.

TEST_F(PolicyControllerTest, FirstStartTakesThePolicyFileAndLaterOnesDoNot) {
  policy_file_ = kPolicy;
  ASSERT_TRUE(controllers_->start());
  EXPECT_EQ(datapath_.service_count, 1U);
  policy_file_ = kOtherPolicy;
  crash();
  ASSERT_TRUE(controllers_->start());
  EXPECT_EQ(datapath_.service_count, 1U) << "what was applied is what runs";
}

TEST_F(PolicyControllerTest, FirstStartWithABadFileSaysWhere) {
  policy_file_ = "version: 1\nenforce: 7\n";
  const auto started = controllers_->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message.substr(0, 14), "policy.yaml:2:") << started.error().message;
}

TEST_F(PolicyControllerTest, FirstStartWithSeveralErrorsSaysTheFirstOnOneLine) {
  policy_file_ = "version: 1\nenforce: 7\nmalformed: perhaps\n";
  const auto started = controllers_->start();
  ASSERT_FALSE(started);
  const std::string& message = started.error().message;
  EXPECT_EQ(message.substr(0, 14), "policy.yaml:2:") << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  EXPECT_NE(message.find("; and 1 more; `tidegate policy check policy.yaml` shows all"), std::string::npos) << message;
}

TEST_F(PolicyControllerTest, FirstStartWithoutItsInterfaceFails) {
  policy_file_ = "version: 1\ninterfaces: [{name: eth9}]\n";
  const auto started = controllers_->start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("eth9 does not exist"), std::string::npos) << started.error().message;
  EXPECT_EQ(recorded_generation(), 0U);
}

TEST_F(PolicyControllerTest, FirstStartWithoutAFileRunsWithoutPolicy) {
  const auto started = controllers_->start();
  ASSERT_TRUE(started);
  ASSERT_EQ(started->problems.size(), 1U);
  EXPECT_TRUE(datapath_.generations.empty());
}

// --- The lock-out guard holds for policies.

TEST_F(PolicyControllerTest, PolicyMayNotCutOffAnAddressTheHostNeeds) {
  apply_first();
  facts_.facts = {{*Prefix::parse("192.0.2.10"), decisions::Fact::Kind::kGateway, "default gateway"}};
  auto forced = targets({"192.0.2.0/24"});
  forced.force = true;
  ASSERT_TRUE(controllers_->decisions.block(forced));
  const std::string without = "version: 1\ninterfaces: [{name: eth0}]\n";
  const auto refused = apply(without);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("192.0.2.10"), std::string::npos) << refused.error().message;
  EXPECT_EQ(datapath_.generations.size(), 1U);
  auto insisting = request(without);
  insisting.force = true;
  ASSERT_TRUE(policy().apply(insisting));
  EXPECT_EQ(history_->audit_records(10)->front().action, "policy apply");
}

TEST_F(PolicyControllerTest, PolicyMayNotCutOffTheCaller) {
  apply_first();
  ASSERT_TRUE(apply(kOtherPolicy));
  auto forced = targets({"192.0.2.0/24"});
  forced.force = true;
  ASSERT_TRUE(controllers_->decisions.block(forced));
  auto wanted = request("version: 1\ninterfaces: [{name: eth0}]\n");
  wanted.caller_peers = {"192.0.2.10"};
  const auto refused = policy().apply(wanted);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("cut off by the block of 192.0.2.0/24"), std::string::npos)
      << refused.error().message;
  wanted.dry_run = true;
  EXPECT_FALSE(policy().apply(wanted));
  wanted.caller_peers = {"nonsense"};
  EXPECT_EQ(policy().apply(wanted).error().code, ErrorCode::kInvalidArgument);
  wanted.dry_run = false;
  wanted.caller_peers.clear();
  ASSERT_TRUE(policy().apply(wanted)) << "nobody is there";
}

TEST_F(PolicyControllerTest, RollbackMayNotCutOffTheCallerNorSlowItDown) {
  ASSERT_TRUE(apply("version: 1\ninterfaces: [{name: eth0}]\n"));
  ASSERT_TRUE(apply(kPolicy));
  auto forced = targets({"192.0.2.0/24"});
  forced.force = true;
  ASSERT_TRUE(controllers_->decisions.limit(forced, {Rate{1, std::chrono::seconds(1)}, std::nullopt}));
  RollbackRequest back{.generation = 0, .actor = "uid:0", .caller_peers = {"192.0.2.10"}};
  const auto refused = policy().rollback(back);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("slowed down by the limit of 192.0.2.0/24"), std::string::npos)
      << refused.error().message;
  back.force = true;
  EXPECT_TRUE(policy().rollback(back));
}

}  // namespace
}  // namespace tidegate::control
