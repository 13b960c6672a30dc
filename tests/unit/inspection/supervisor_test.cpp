// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/inspection/supervisor_fixture.hpp"

namespace tidegate::inspection {
namespace {

TEST_F(SupervisorTest, NothingRunsWhileNoServiceAsks) {
  std::atomic<bool> looked = false;
  options_.find_program = [&] {
    looked = true;
    return std::filesystem::path(FAKE_INSPECTOR);
  };
  start("");
  EXPECT_FALSE(eventually([&] { return report().state != State::kOff || looked; }, milliseconds(100)));
  EXPECT_EQ(captured_.lock()->opened, 0U);
  EXPECT_THAT(supervisor_->endpoints(10), IsEmpty());
}

TEST_F(SupervisorTest, RunsReportsAndSummarises) {
  options_.inspect.cores = 2;
  start();
  ASSERT_TRUE(reaches(State::kRunning)) << report().problem;
  ASSERT_TRUE(eventually([&] { return report().counters.of(Counter::kConnections) == 2; }));
  const Report seen = report();
  EXPECT_THAT(seen.services, ::testing::ElementsAre("web"));
  EXPECT_TRUE(seen.sandboxed);
  EXPECT_TRUE(seen.secrets_locked && seen.key_store_locked);
  EXPECT_EQ(seen.open_connections, 2U);
  EXPECT_EQ(seen.restarts, 0U);
  EXPECT_EQ(seen.counters.of(Counter::kShedFlows), 3U) << "what the filter shed counts too";
  EXPECT_EQ(captured_.lock()->opened, 2U);
  ASSERT_TRUE(eventually([&] { return supervisor_->endpoints(10).size() == 1; }));
  EXPECT_EQ(supervisor_->endpoints(10)[0].path_template, "/settings");
  EXPECT_THAT(*warnings_.lock(), IsEmpty());
}

TEST_F(SupervisorTest, AKilledInspectorIsBackWithinASecond) {
  start();
  const pid_t first = pid_for("web");
  ASSERT_TRUE(eventually([&] { return report().counters.of(Counter::kConnections) == 1; }));
  ASSERT_GT(first, 0);
  ASSERT_TRUE(harness::signal_one(first, SIGKILL));
  ASSERT_TRUE(eventually([&] { return report().restarts == 1 && report().state == State::kRunning; }, seconds(1)));
  EXPECT_NE(pid_for("web", static_cast<std::uint64_t>(first)), first);
  EXPECT_TRUE(warned("inspector: killed by signal 9; it is started again, enforcement is not touched"));
  EXPECT_EQ(report().kills, 0U);
  EXPECT_TRUE(eventually([&] { return report().counters.of(Counter::kConnections) == 2; })) << "over both lives";
}

TEST_F(SupervisorTest, AHungInspectorIsReplaced) {
  options_.timing.silence = milliseconds(300);
  start();
  const pid_t first = pid_for("web");
  ASSERT_TRUE(reaches(State::kRunning));
  ASSERT_TRUE(harness::signal_one(first, SIGSTOP));
  ASSERT_TRUE(eventually([&] { return report().kills == 1 && report().state == State::kRunning; }));
  EXPECT_TRUE(warned("it did not answer any more"));
  EXPECT_EQ(::kill(first, 0), -1) << "reaped";
}

// The system's clock, which can leap: what a thread sees that was stopped for a while.
class LeapingClock final : public Clock {
 public:
  MonotonicTime monotonic() const override { return system_clock().monotonic() + leap_.load(); }
  WallTime wall() const override { return system_clock().wall(); }
  void leap(std::chrono::nanoseconds by) { leap_ = leap_.load() + by; }

 private:
  std::atomic<std::chrono::nanoseconds> leap_{};
};

TEST_F(SupervisorTest, AnAgentThatStoodStillDoesNotBlameTheInspector) {
  LeapingClock clock;
  supervisor_ = std::make_unique<Supervisor>(options_, clock);
  apply("web");
  const pid_t first = pid_for("web");
  ASSERT_TRUE(reaches(State::kRunning));
  for (int i = 0; i < 5; ++i) {
    clock.leap(2 * options_.timing.silence);
    EXPECT_FALSE(eventually([&] { return report().kills > 0; }, milliseconds(60)));
  }
  EXPECT_EQ(report().restarts, 0U);
  EXPECT_EQ(report().state, State::kRunning);
  ASSERT_EQ(::kill(first, SIGSTOP), 0);
  std::this_thread::sleep_for(milliseconds(60));  // what it said before is read
  for (int i = 0; i < 100 && report().kills == 0; ++i) {
    clock.leap(milliseconds(200));
    std::this_thread::sleep_for(milliseconds(25));
  }
  EXPECT_EQ(report().kills, 1U) << "silence while the agent listens still counts";
  EXPECT_EQ(::kill(first, 0), -1);
}

TEST_F(SupervisorTest, OneThatNeverBecomesReadyIsFailed) {
  options_.timing.ready_within = milliseconds(50);
  start("mute");
  ASSERT_TRUE(reaches(State::kFailed));
  EXPECT_THAT(report().problem, HasSubstr("did not become ready"));
  apply("web");
  ASSERT_TRUE(reaches(State::kRunning)) << "it is tried again";
}

TEST_F(SupervisorTest, NonsenseAndCrashesEndALifeNotTheAgent) {
  for (const char* service : {"nonsense", "crash"}) {
    start(service);
    ASSERT_TRUE(eventually([&] { return report().restarts >= 2; })) << service;
    apply("web");
    ASSERT_TRUE(reaches(State::kRunning)) << service;
  }
}

TEST_F(SupervisorTest, AMissingProgramIsSaid) {
  options_.find_program = []() -> Result<std::filesystem::path> {
    return fail(ErrorCode::kNotFound, "tidegate-inspector is nowhere");
  };
  start();
  ASSERT_TRUE(reaches(State::kFailed));
  EXPECT_THAT(report().problem, HasSubstr("tidegate-inspector is nowhere"));
  EXPECT_TRUE(warned("tidegate-inspector is nowhere"));
}

TEST_F(SupervisorTest, ANewPolicyIsNewSettingsForTheSameProcess) {
  start();
  const pid_t first = pid_for("web");
  apply("shop");
  EXPECT_EQ(pid_for("shop"), first);
  EXPECT_EQ(captured_.lock()->opened, 1U);
  EXPECT_EQ(report().restarts, 0U);
}

TEST_F(SupervisorTest, InspectionIsSwitchedOffAndOn) {
  options_.keys.socket = config::KeySocketSettings{.path = at("keys.sock"), .group = "no-such-group"};
  start();
  const pid_t first = pid_for("web");
  ASSERT_TRUE(std::filesystem::exists(at("keys.sock")));
  apply("");
  ASSERT_TRUE(reaches(State::kOff));
  EXPECT_TRUE(eventually([&] { return ::kill(first, 0) != 0; }));
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(at("keys.sock")); }));
  EXPECT_THAT(report().keys, IsEmpty());
  apply("web");
  ASSERT_TRUE(reaches(State::kRunning));
  EXPECT_EQ(report().restarts, 0U) << "what was wished is no restart";
}

TEST_F(SupervisorTest, InterfacesThatComeAndGoChangeTheFilter) {
  ifindex_ = 0;
  start();
  ASSERT_TRUE(reaches(State::kRunning)) << "an interface that is not there yet is no reason not to run";
  EXPECT_THAT(captured_.lock()->scopes.back().interfaces, IsEmpty());
  ifindex_ = 9;
  ASSERT_TRUE(eventually([&] { return captured_.lock()->scopes.back().interfaces.size() == 1; }));
  EXPECT_EQ(captured_.lock()->scopes.back().interfaces[0].index, 9U);
  EXPECT_EQ(captured_.lock()->scopes.back().ports, (std::vector<std::pair<std::uint16_t, std::uint16_t>>{{443, 443}}));
  const std::size_t before = captured_.lock()->scopes.size();
  EXPECT_FALSE(eventually([&] { return captured_.lock()->scopes.size() > before; }, milliseconds(100)))
      << "nothing changed, nothing is written";
}

TEST_F(SupervisorTest, OverloadReachesTheFilter) {
  start("overload");
  ASSERT_TRUE(eventually([&] { return captured_.lock()->shedding.headers_only; }));
  EXPECT_DOUBLE_EQ(captured_.lock()->shedding.shed, 0.5);
  EXPECT_TRUE(eventually([&] { return report().shedding == 2 && report().shed_share == 0.5; }));
}

TEST_F(SupervisorTest, KeySourcesAreHandedOverAndCounted) {
  options_.keys.fifos = {at("fifo")};
  options_.keys.files = {at("keys.log")};
  start();
  ASSERT_TRUE(reaches(State::kRunning));
  std::ofstream(at("fifo")) << "a\nb\n" << std::flush;
  const auto accepted = [&](const char* kind) {
    for (const auto& source : report().keys) {
      if (source.kind == kind) return source.accepted;
    }
    return std::uint64_t{0};
  };
  EXPECT_TRUE(eventually([&] { return accepted("fifo") == 2; }));
  EXPECT_TRUE(warned("keys.log")) << "it is not there yet";
  std::ofstream(at("keys.log")) << "c\n" << std::flush;
  EXPECT_TRUE(eventually([&] { return accepted("file") == 1; }));
  const auto sources = report().keys;
  ASSERT_THAT(sources, SizeIs(3));
  EXPECT_LT(*sources[0].last_seen, seconds(5));
  EXPECT_EQ(sources[1].problem, "");
  EXPECT_EQ(sources[2].kind, "publish");
}

TEST_F(SupervisorTest, SendersNeedNotNoticeARestart) {
  options_.keys.fifos = {at("fifo")};
  start();
  const pid_t first = pid_for("web");
  ASSERT_TRUE(reaches(State::kRunning));
  std::ofstream writer(at("fifo"));
  writer << "a\n" << std::flush;
  ASSERT_TRUE(eventually([&] { return report().keys[0].accepted == 1; }));
  ASSERT_TRUE(harness::signal_one(first, SIGKILL));
  writer << "b\n" << std::flush;
  EXPECT_TRUE(eventually([&] { return report().keys[0].accepted == 2; }));
}

TEST_F(SupervisorTest, PublishedLinesAreHandedOn) {
  start();
  ASSERT_TRUE(reaches(State::kRunning));
  const auto published = supervisor_->publish("CLIENT_RANDOM a b\nCLIENT_RANDOM c d");
  ASSERT_TRUE(published);
  EXPECT_EQ(published->handed_on, 2U);
  EXPECT_TRUE(eventually([&] { return report().counters.of(Counter::kKeysAccepted) == 2; }))
      << "the last line got its end";
  EXPECT_TRUE(eventually([&] { return report().keys.back().accepted == 2; }));
  EXPECT_LT(report().keys.back().last_seen.value_or(seconds(99)), seconds(5));
  const auto many = supervisor_->publish(std::string(200'000, '\n'));
  ASSERT_TRUE(many);
  EXPECT_TRUE(eventually([&] { return report().counters.of(Counter::kKeysAccepted) == 200'002; })) << "in parts";
  const auto longer = supervisor_->publish("ok\n" + std::string(2000, 'x') + "\n");
  ASSERT_FALSE(longer);
  EXPECT_THAT(longer.error().message, HasSubstr("line 2 of the message is longer than 1024 bytes"));
}

TEST_F(SupervisorTest, PublishedLinesThatAreNoneAreNotCalledAccepted) {
  start();
  ASSERT_TRUE(reaches(State::kRunning));
  ASSERT_TRUE(supervisor_->publish("x\nx\nx\n"));
  EXPECT_TRUE(eventually([&] { return report().keys.back().malformed == 3; }));
  EXPECT_EQ(report().keys.back().accepted, 0U);
  EXPECT_FALSE(report().keys.back().last_seen);
  ASSERT_EQ(::kill(pid_for("web"), SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return report().restarts == 1 && report().state == State::kRunning; }));
  EXPECT_EQ(report().keys.back().malformed, 3U) << "over all lives";
}

TEST_F(SupervisorTest, PublishedLinesThatNobodyReadsAreDroppedAndCounted) {
  start("");
  const auto off = supervisor_->publish("a\nb\n");
  ASSERT_TRUE(off);
  EXPECT_EQ(off->handed_on, 0U);
  EXPECT_EQ(off->dropped, 2U);
  apply("web");
  ASSERT_TRUE(reaches(State::kRunning));
  EXPECT_EQ(report().keys.back().dropped, 2U);
  const auto much = supervisor_->publish(std::string(300'000, '\n'));
  ASSERT_TRUE(much);
  EXPECT_EQ(much->dropped, 300'000U) << "more than waits at most";
}

TEST_F(SupervisorTest, TheIdentityKeyIsReplaced) {
  options_.timing.identity_key = milliseconds(50);
  start();
  EXPECT_TRUE(eventually([&] { return report().counters.of(Counter::kKeysLate) >= 2; }));
  EXPECT_EQ(report().counters.of(Counter::kMalformedTls), 0U) << "each comes with the one before";
  const auto log = captured_.lock();
  ASSERT_EQ(log->scopes.size(), 1U) << "the sample stays as it is: running connections are not cut";
  EXPECT_NE(log->scopes.front().seed, 0U);
}

TEST_F(SupervisorTest, TotalsDoNotFallWhenInspectionIsSwitchedOffAndOn) {
  start();
  ASSERT_TRUE(reaches(State::kRunning));
  EXPECT_EQ(report().counters.of(Counter::kShedFlows), 3U);
  apply("");
  ASSERT_TRUE(reaches(State::kOff));
  EXPECT_EQ(report().counters.of(Counter::kShedFlows), 3U);
  apply("web");
  ASSERT_TRUE(reaches(State::kRunning));
  EXPECT_EQ(report().counters.of(Counter::kShedFlows), 6U) << "what the next capture sheds comes on top";
}

TEST_F(SupervisorTest, AnInterfaceThatTheFilterCannotReadIsNamed) {
  options_.find_interface = [](const std::string&) { return kernel::CaptureInterface{.index = 9, .readable = false}; };
  start();
  ASSERT_TRUE(eventually([&] { return !report().unreadable_interfaces.empty(); }));
  EXPECT_THAT(report().unreadable_interfaces, ::testing::ElementsAre("eth0"));
  EXPECT_THAT(captured_.lock()->scopes.back().interfaces, IsEmpty());
}

TEST_F(SupervisorTest, AnInspectorThatTalksTooMuchDoesNotFillTheLog) {
  start("chatty");
  ASSERT_GT(pid_for("chatty"), 0) << "everything was read";
  const auto said = *warnings_.lock();
  EXPECT_EQ(said.size(), 10U);
  EXPECT_EQ(said.front(), "inspector: trouble 0?[2J") << "foreign text is made printable";
}

TEST_F(SupervisorTest, ConsumersSeeEverySummary) {
  struct Consumer final : SummaryConsumer {
    void take(const inspect::Summary& summary) override { service = summary.service == "web"; }
    std::atomic<bool> service = false;
  };
  const auto consumer = std::make_shared<Consumer>();
  options_.consumers.push_back(consumer);
  start();
  EXPECT_TRUE(eventually([&] { return consumer->service.load(); }));
}

}  // namespace
}  // namespace tidegate::inspection
