// SPDX-License-Identifier: Apache-2.0
// The examiner of payloads beside the inspector.
#include "agent/inspection/examination.hpp"

#include "tests/unit/inspection/supervisor_fixture.hpp"

namespace tidegate::inspection {
namespace {

// What the examiner says, as a consumer sees it.
class Findings final : public SummaryConsumer {
 public:
  void take(const inspect::Summary& summary) override {
    if (summary.service == "examined") seen.lock()->push_back(summary);
  }
  Guarded<std::vector<inspect::Summary>> seen;
};

class ExaminationTest : public SupervisorTest {
 protected:
  void SetUp() override {
    SupervisorTest::SetUp();
    options_.find_examiner = [] { return std::filesystem::path(FAKE_INSPECTOR); };
    options_.consumers = {findings_};
  }
  void ask(const std::string& more = ", payloads: {sample: 0.5, body: 1kB}") {
    const auto parsed = config::read_policy(
        "version: 1\ninterfaces: [eth0]\nservices:\n  - {name: web, match: tcp/443, tls: {inspect: true}" + more +
        "}\n");
    ASSERT_TRUE(parsed.valid());
    if (!supervisor_) supervisor_ = std::make_unique<Supervisor>(options_, system_clock());
    supervisor_->set_policy(parsed.policy);
  }
  bool examines() {
    return eventually([&] {
      return report().payloads.state == State::kRunning && report().counters.of(Counter::kPayloadsSampled) == 1;
    });
  }
  std::size_t found() { return findings_->seen.lock()->size(); }

  std::shared_ptr<Findings> findings_ = std::make_shared<Findings>();
};

TEST_F(ExaminationTest, RunsBesideTheInspectorAndIsBelievedInFindingsOnly) {
  ask();
  ASSERT_TRUE(examines()) << "the inspector is told to sample once there is somebody to examine";
  ASSERT_TRUE(eventually([&] { return found() == 1; }));
  EXPECT_EQ(findings_->seen.lock()->front().kind, inspect::SummaryKind::kPayload);
  EXPECT_EQ(findings_->seen.lock()->front().attacks, inspect::kAttackSql);
  EXPECT_TRUE(report().payloads.sandboxed);
  EXPECT_TRUE(eventually([&] { return report().counters.of(Counter::kPayloadsExamined) == 1; }));
  ask("");
  ASSERT_TRUE(eventually([&] { return report().payloads.state == State::kOff; }));
  EXPECT_TRUE(eventually([&] { return report().counters.of(Counter::kPayloadsSampled) == 0; }));
  EXPECT_EQ(report().restarts, 0U);
}

TEST_F(ExaminationTest, KilledItIsBackWithinASecondAndTheInspectorLives) {
  ask();
  ASSERT_TRUE(eventually([&] { return found() == 1; }));
  const auto first = static_cast<pid_t>(findings_->seen.lock()->front().request_bytes);
  ASSERT_TRUE(harness::signal_one(first, SIGKILL));
  ASSERT_TRUE(eventually([&] { return report().payloads.restarts == 1 && report().payloads.state == State::kRunning; },
                         seconds(1)));
  EXPECT_EQ(report().restarts, 0U);
  EXPECT_EQ(captured_.lock()->opened, 1U);
  EXPECT_EQ(report().state, State::kRunning);
  EXPECT_TRUE(warned("payloads are not examined: killed by signal 9"));
}

TEST_F(ExaminationTest, HungItIsReplaced) {
  options_.timing.silence = milliseconds(150);
  ask();
  ASSERT_TRUE(eventually([&] { return found() == 1; }));
  ASSERT_TRUE(harness::signal_one(static_cast<pid_t>(findings_->seen.lock()->front().request_bytes), SIGSTOP));
  ASSERT_TRUE(eventually([&] { return report().payloads.kills == 1 && report().payloads.state == State::kRunning; }));
}

TEST_F(ExaminationTest, WithoutRulesOrProgramAllElseWorks) {
  options_.inspect.payload_rules = "/missing";
  ask();
  ASSERT_TRUE(reaches(State::kRunning));
  ASSERT_TRUE(eventually([&] { return report().payloads.state == State::kFailed; }));
  EXPECT_EQ(report().payloads.problem, "no rules in /missing");
  EXPECT_EQ(report().counters.of(Counter::kPayloadsSampled), 0U);
  const std::vector<std::string> said = *warnings_.lock();
  EXPECT_EQ(
      std::count_if(said.begin(), said.end(), [](const std::string& w) { return w.find("no rules in") != w.npos; }), 1);
  supervisor_.reset();
  options_.find_examiner = []() -> Result<std::filesystem::path> {
    return fail(ErrorCode::kNotFound, "it is not built in");
  };
  ask();
  ASSERT_TRUE(eventually([&] { return report().payloads.problem == "it is not built in"; }));
  EXPECT_TRUE(reaches(State::kRunning));
}

}  // namespace
}  // namespace tidegate::inspection
