// SPDX-License-Identifier: Apache-2.0
#include "agent/control/status.hpp"

#include "agent/control/support.hpp"
#include "tests/unit/control/fixture.hpp"

namespace tidegate::control {
namespace {

class StatusTest : public testing::ControlTest {
 protected:
  std::vector<std::string> warnings() {
    controllers_->status.refresh();
    return controllers_->status.report().warnings;
  }
  bool warns(const std::string& what) {
    for (const auto& warning : warnings()) {
      if (warning.find(what) != std::string::npos) return true;
    }
    return false;
  }
  Status apply(const std::string& text) {
    TIDEGATE_TRY(controllers_->policy.apply(request(text)));
    return {};
  }
};

TEST_F(StatusTest, WithoutAPolicyThatIsTheFirstWarning) {
  const auto all = warnings();
  ASSERT_FALSE(all.empty());
  EXPECT_NE(all.front().find("no policy is in force"), std::string::npos);
  EXPECT_EQ(controllers_->status.report().generation, 0U);
}

TEST_F(StatusTest, HealthyHostHasNoWarning) {
  apply_first();
  EXPECT_TRUE(warnings().empty()) << warnings().front();
  const auto report = controllers_->status.report();
  EXPECT_EQ(report.version, "0.1.0");
  EXPECT_EQ(report.generation, recorded_generation());
  EXPECT_TRUE(report.enforcing);
  ASSERT_EQ(report.interfaces.size(), 1U);
  EXPECT_EQ(report.interfaces.front().interface.state.mode, "native");
  EXPECT_GT(report.tables_memory, 0U);
  EXPECT_GT(report.agent_memory, 0U);
}

TEST_F(StatusTest, DetachedComesFirstAndNamesTheWayBack) {
  apply_first();
  ASSERT_TRUE(controllers_->attach.detach("eth0", "uid:1000"));
  const auto all = warnings();
  ASSERT_FALSE(all.empty());
  EXPECT_NE(all.front().find("eth0 is detached"), std::string::npos);
  EXPECT_NE(all.front().find("uid:1000"), std::string::npos);
  EXPECT_NE(all.front().find("tidegate attach --interface eth0"), std::string::npos);
}

TEST_F(StatusTest, UnattachedInterface) {
  apply_first();
  datapath_.existing.erase("eth0");
  controllers_->attach.watch();
  EXPECT_TRUE(warns("eth0 is not protected: interface eth0"));
}

TEST_F(StatusTest, DryRunOfHostAndService) {
  ASSERT_TRUE(apply("version: 1\ninterfaces: [{name: eth0}]\nenforce: false\n"));
  EXPECT_TRUE(warns("whole host is in dry-run"));
  EXPECT_FALSE(controllers_->status.report().enforcing);
  ASSERT_TRUE(apply(testing::kOtherPolicy));
  EXPECT_TRUE(warns("service dns is in dry-run"));
}

TEST_F(StatusTest, WaitingForConfirm) {
  apply_first();
  auto wanted = request(testing::kOtherPolicy);
  wanted.confirm_within = std::chrono::minutes(5);
  ASSERT_TRUE(controllers_->policy.apply(wanted));
  EXPECT_TRUE(warns("waits for `tidegate policy confirm`"));
  EXPECT_EQ(controllers_->status.report().confirm_by, clock_.wall() + std::chrono::minutes(5));
}

TEST_F(StatusTest, FileThatDiffersFromWhatRuns) {
  policy_file_ = testing::kPolicy;
  ASSERT_TRUE(controllers_->start());
  EXPECT_FALSE(warns("differs"));
  policy_file_ = testing::kOtherPolicy;
  EXPECT_TRUE(warns("policy.yaml differs from the policy that runs"));
}

TEST_F(StatusTest, NearlyFullTable) {
  apply_first();
  datapath_.extra_tables = {{"limits", 58'982, 65'536, 0}};
  EXPECT_FALSE(warns("nearly full"));
  datapath_.extra_tables = {{"limits", 58'983, 65'536, 0}};
  EXPECT_TRUE(warns("table limits is nearly full: 58983 of 65536"));
}

TEST_F(StatusTest, GenericMode) {
  ASSERT_TRUE(apply("version: 1\ninterfaces: [{name: eth0, mode: generic}]\n"));
  EXPECT_TRUE(warns("eth0 runs in generic mode"));
}

TEST_F(StatusTest, MissingFeatureSaysWhatIsDegraded) {
  apply_first();
  datapath_.feature_list = {{"tc_egress", false, "answers to the host's own UDP queries are limited like clients"}};
  EXPECT_TRUE(warns("tc_egress is missing: answers to the host's own"));
}

TEST_F(StatusTest, Faults) {
  apply_first();
  auto counters = testing::empty_counters();
  counters.faults[TG_FAULT_MAP_MISSING] = 3;
  telemetry_->snapshot(counters);
  EXPECT_TRUE(warns("3 times since boot: the datapath failed open"));
}

TEST_F(StatusTest, StaleCounters) {
  apply_first();
  telemetry_->snapshot(testing::empty_counters());
  EXPECT_FALSE(warns("counters: last refreshed"));
  clock_.advance(std::chrono::seconds(20));
  EXPECT_TRUE(warns("counters: last refreshed 20 s ago"));
}

TEST_F(StatusTest, GuardThatCannotSee) {
  apply_first();
  facts_.problems = {"cannot ask for SSH peers"};
  EXPECT_TRUE(warns("lock-out guard: cannot ask for SSH peers"));
}

TEST_F(StatusTest, UdpOfAnInspectedServiceAndKeptSections) {
  ASSERT_TRUE(
      apply("version: 1\ninterfaces: [{name: eth0}]\nservices:\n  - name: web\n    match: [tcp/443, udp/443]\n"
            "    limits: {packets: {rate: 100/s}}\n    tls: {inspect: true}\n"));
  EXPECT_TRUE(warns("udp/443 (HTTP/3) is not inspected, only limited, while service web inspects tcp/443"));
  EXPECT_FALSE(warns("not enforced"));
  ASSERT_TRUE(apply(
      "version: 1\ninterfaces: [{name: eth0}]\nservices:\n  - name: web\n    match: tcp/80\n    http: {inspect: true}\n"
      "    session: {cookie: s}\nrules: [{name: r, key: ja4, when: {count: 1, within: 1m}, then: {action: block, "
      "for: 1m}}]\n"));
  EXPECT_TRUE(
      warns("not enforced by this version: rules.r: a ja4 alone names nobody, its decisions are reported only"));
}

using inspect::Counter;
using inspection::State;

class InspectorWarnings : public StatusTest {
 protected:
  void SetUp() override {
    StatusTest::SetUp();
    apply_first();
    auto state = inspection_.state.lock();
    state->report.state = State::kRunning;
    state->report.sandboxed = state->report.secrets_locked = true;
  }
};

TEST_F(InspectorWarnings, AHealthyInspectorHasNone) { EXPECT_TRUE(warnings().empty()) << warnings().front(); }

TEST_F(InspectorWarnings, OneThatIsDownSaysWhy) {
  inspection_.state.lock()->report.state = State::kFailed;
  inspection_.state.lock()->report.problem = "exited with status 1";
  EXPECT_TRUE(warns("nothing is inspected, the inspector is failed: exited with status 1"));
  inspection_.state.lock()->report.state = State::kOff;
  EXPECT_TRUE(warnings().empty()) << "what nobody asked for is not missed";
  inspection_.state.lock()->report = inspection::Report{};
  inspection_.state.lock()->report.state = State::kStarting;
  EXPECT_TRUE(warnings().empty()) << "a start is no trouble yet";
}

TEST_F(InspectorWarnings, BlindIsNeverSilent) {
  auto& report = inspection_.state.lock()->report;
  auto& recent = report.recent;
  report.counters.add(Counter::kNoKey, 9);
  EXPECT_TRUE(warns("blind: all 9 TLS connections since the agent started had no keys")) << "none in this minute";
  report.counters.add(Counter::kDecrypted, 1);
  EXPECT_FALSE(warns("blind"));
  recent.add(Counter::kNoKey, 1);
  EXPECT_TRUE(warns("blind: 1 of 1 TLS connections of the last minute had no keys"));
  recent.add(Counter::kDecrypted, 5);
  EXPECT_FALSE(warns("keys")) << "one that was late";
  recent.add(Counter::kNoKey, 19);
  EXPECT_TRUE(warns("blind: 20 of 25 TLS connections of the last minute had no keys"));
}

TEST_F(InspectorWarnings, BlindForAPart) {
  auto& report = inspection_.state.lock()->report;
  report.counters.add(Counter::kDecrypted, 91);
  report.recent.add(Counter::kDecrypted, 80);
  report.recent.add(Counter::kNoKey, 9);
  EXPECT_FALSE(warns("keys")) << "too few to say";
  report.recent.add(Counter::kNoKey, 1);
  EXPECT_TRUE(warns("part of the TLS connections has no keys: 10 of 90 of the last minute"));
  EXPECT_FALSE(warns("blind"));
  report.recent.add(Counter::kDecrypted, 11);
  EXPECT_FALSE(warns("keys")) << "below a tenth";
}

TEST_F(InspectorWarnings, AnInterfaceThatCannotBeRead) {
  inspection_.state.lock()->report.unreadable_interfaces = {"tun0"};
  EXPECT_TRUE(warns("blind: tun0 is not inspected, its frames are neither Ethernet nor IP"));
}

TEST_F(InspectorWarnings, ServicesThatTheDatapathSeesAndTheCaptureDoesNot) {
  ASSERT_TRUE(
      apply("version: 1\ninterfaces: [{name: eth0}]\nservices:\n  - name: api\n    match: [tcp/8443]\n"
            "    limits: {packets: {rate: 100/s}}\n    tls: {inspect: true}\n"));
  auto counters = testing::empty_counters();
  const unsigned slot = datapath_.slots().at("api");
  const auto pass = [&](std::uint64_t packets) {
    counters.by_service_reason[slot * TG_REASON_SLOTS].passed_packets += packets;
    telemetry_->snapshot(counters);
  };
  pass(50);
  EXPECT_FALSE(warns("blind")) << "what came before is nothing to compare";
  pass(50);
  EXPECT_FALSE(warns("blind")) << "may be on its way";
  EXPECT_TRUE(warns("blind: service api had 50 packets since the inspector was last given one"));
  inspection_.state.lock()->report.counters.add(Counter::kPackets);
  EXPECT_FALSE(warns("blind"));
}

TEST_F(InspectorWarnings, EveryWayToLose) {
  auto& report = inspection_.state.lock()->report;
  report.recent.add(Counter::kRingDropped, 7);
  report.recent.add(Counter::kSummariesDropped, 8);
  report.recent.add(Counter::kKeySourceDropped, 9);
  report.recent.add(Counter::kUnsupportedCipher, 3);
  report.shedding = 2;
  report.shed_share = 0.25;
  EXPECT_TRUE(warns("losing: 7 packets of the last minute were not inspected, the capture ring was full"));
  EXPECT_TRUE(warns("losing: 8 requests"));
  EXPECT_TRUE(warns("losing: TLS servers dropped 9 key lines"));
  EXPECT_TRUE(warns("overloaded: 25 % of new connections are not inspected, and of the others not what servers send"));
  EXPECT_TRUE(warns("3 TLS connections of the last minute have a version or cipher suite that cannot be read"));
}

TEST_F(InspectorWarnings, WeakProtectionOfSecretsAndKeySourcesThatFail) {
  auto& report = inspection_.state.lock()->report;
  report.secrets_locked = report.sandboxed = false;
  report.keys.push_back({.kind = "file", .path = "/keys.log", .problem = "/keys.log: Permission denied"});
  EXPECT_TRUE(warns("session keys are not locked in memory"));
  report.key_store_locked = true;
  EXPECT_TRUE(warns("only their store is locked"));
  EXPECT_TRUE(warns("without its whole sandbox"));
  EXPECT_TRUE(warns("keys: /keys.log: Permission denied"));
}

TEST_F(StatusTest, InspectionLearnsOfEveryPolicyInForce) {
  apply_first();
  ASSERT_EQ(inspection_.state.lock()->policies.size(), 1U);
  EXPECT_FALSE(controllers_->policy.apply(request("version: 1\nservices: 1\n")));
  EXPECT_EQ(inspection_.state.lock()->policies.size(), 1U) << "what is refused does not count";
  ASSERT_TRUE(controllers_->policy.apply(request(testing::kOtherPolicy)));
  EXPECT_EQ(inspection_.state.lock()->policies.back().services.size(), 2U);
}

TEST_F(StatusTest, CountersOfInterfaceServiceAndReason) {
  apply_first();
  auto counters = testing::empty_counters();
  const unsigned slot = datapath_.slots().at("api");
  counters.by_service_reason[slot * TG_REASON_SLOTS + TG_REASON_PACKET_LIMIT] = {10, 1000, 5, 500};
  counters.by_ifindex[testing::FakeDatapath::index_of("eth0")] = {10, 1000, 5, 500};
  telemetry_->snapshot(counters);
  clock_.advance(std::chrono::seconds(2));
  counters.by_service_reason[slot * TG_REASON_SLOTS + TG_REASON_PACKET_LIMIT].dropped_packets = 110;
  counters.by_ifindex[testing::FakeDatapath::index_of("eth0")].dropped_packets = 110;
  telemetry_->snapshot(counters);
  const auto report = controllers_->status.report();
  ASSERT_EQ(report.counters.services.size(), 1U);
  EXPECT_EQ(report.counters.services.front().name, "api");
  EXPECT_EQ(report.counters.services.front().would_drop.packets, 5U);
  EXPECT_EQ(report.counters.reasons.front().name, "packet_limit");
  EXPECT_DOUBLE_EQ(report.interfaces.front().traffic.dropped_rate.packets_per_second, 50);
}

TEST_F(StatusTest, SupportFilesHoldNoClientAddress) {
  apply_first();
  tg_event event{};
  event.source = {0, TG_V4_MAPPED | 0xcb007107};  // 203.0.113.7
  event.weight_packets = 1000;
  telemetry_->ingest(event);
  ASSERT_TRUE(controllers_->decisions.block(targets({"203.0.113.99"})));
  for (const auto& [name, text] : support_files(controllers_->env, controllers_->status.report())) {
    EXPECT_EQ(text.find("203.0.113.7\n"), std::string::npos) << name;
    EXPECT_EQ(text.find("203.0.113.7 "), std::string::npos) << name;
    if (name == "decisions.txt") {
      EXPECT_NE(text.find("203.0.113.99"), std::string::npos);
    }
    if (name == "policy.yaml") {
      EXPECT_EQ(text, testing::kPolicy);
    }
  }
}

TEST_F(StatusTest, TasksThatFailAreWarnedOfAndNotTwice) {
  StatusReport report;
  WarningInput input{.report = report};
  input.decision_problem = "table blocks is full";
  input.task_problems = {"confirm: history.db: the disk is full", "decisions: table blocks is full"};
  const auto all = make_warnings(input);
  EXPECT_EQ(std::count(all.begin(), all.end(), "confirm: history.db: the disk is full; it is tried again"), 1);
  EXPECT_EQ(std::count_if(all.begin(), all.end(),
                          [](const auto& text) { return text.find("table blocks is full") != std::string::npos; }),
            1);
}

TEST_F(StatusTest, InterfacesThatShareTheirCountersAreNamed) {
  StatusReport report;
  for (const auto& [name, index] : {std::pair{"eth0", 2U}, {"eth1", 3U}, {"veth9", 2U + TG_INTERFACES}}) {
    InterfaceReport entry;
    entry.interface.state = {name, index, "native", true, ""};
    report.interfaces.push_back(entry);
  }
  const auto all = make_warnings({.report = report});
  const auto shares = [](const auto& text) { return text.find("share their packet counters") != std::string::npos; };
  ASSERT_EQ(std::count_if(all.begin(), all.end(), shares), 1);
  EXPECT_EQ(std::find_if(all.begin(), all.end(), shares)->find("eth0 and veth9"), 0U);
}

}  // namespace
}  // namespace tidegate::control
