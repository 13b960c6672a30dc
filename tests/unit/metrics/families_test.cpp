// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/families.hpp"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <sstream>

#include "bpf/abi/reasons.h"

namespace tidegate::metrics {
namespace {

std::string text_of(const control::StatusReport& status, const std::vector<telemetry::ExactCount>& counts) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, make_families(status, counts));
  return out.str();
}

void expect_line(const std::string& text, const std::string& line) {
  EXPECT_NE(text.find(line + "\n"), std::string::npos) << line << "\nis not in\n" << text;
}

TEST(Families, PacketsByServiceReasonAndVerdictAreCounters) {
  const std::vector<telemetry::ExactCount> counts = {
      {.service = "api", .reason = TG_REASON_PACKET_LIMIT, .passed = {3, 300}, .dropped = {7, 700}}};
  const auto text = text_of({}, counts);
  expect_line(text, "# TYPE tidegate_packets_total counter");
  expect_line(text, R"(tidegate_packets_total{service="api",reason="packet_limit",verdict="drop"} 7)");
  expect_line(text, R"(tidegate_packets_total{service="api",reason="packet_limit",verdict="pass"} 3)");
  expect_line(text, R"(tidegate_bytes_total{service="api",reason="packet_limit",verdict="drop"} 700)");
}

TEST(Families, EveryCounterOfTheInspector) {
  control::StatusReport status;
  EXPECT_EQ(text_of(status, {}).find("tidegate_inspector_requests_total"), std::string::npos) << "nothing is inspected";
  expect_line(text_of(status, {}), "tidegate_inspector_up 0");
  status.inspector.state = inspection::State::kRunning;
  status.inspector.restarts = 3;
  status.inspector.keys.push_back({.kind = "fifo", .path = "/f", .accepted = 5, .dropped = 6});
  for (std::size_t i = 0; i < inspect::kCounters; ++i) status.inspector.counters.values()[i] = 100 + i;
  const auto text = text_of(status, {});
  expect_line(text, "tidegate_inspector_up 1");
  expect_line(text, "tidegate_inspector_restarts_total 3");
  expect_line(text, R"(tidegate_inspector_key_lines_total{source="fifo",path="/f",outcome="accepted"} 5)");
  expect_line(text, R"(tidegate_inspector_key_lines_total{source="fifo",path="/f",outcome="dropped"} 6)");
  for (std::size_t i = 0; i < inspect::kCounters; ++i) {
    const auto name = std::string(inspect::text_of(static_cast<inspect::Counter>(i)).name);
    expect_line(text, "tidegate_inspector_" + name + "_total " + std::to_string(100 + i));
  }
}

TEST(Families, RulesByName) {
  control::StatusReport status;
  EXPECT_EQ(text_of(status, {}).find("tidegate_rule"), std::string::npos) << "no rule is in force";
  control::RuleFigures rule;
  rule.name = "guess";
  rule.matched = 12;
  rule.enforced = 3;
  rule.suppressed = 4;
  rule.evicted = 5;
  rule.held_back = {{"shadow", 7}, {"nat_guard", 1}};
  rule.last_fired = WallTime(std::chrono::seconds(1893456000));
  status.rules.rules = {rule};
  status.rules.keys = 9;
  status.rules.alarms = 2;
  status.rules.dropped = 6;
  status.rules.unproven = 4;
  const auto text = text_of(status, {});
  expect_line(text, R"(tidegate_rule_matched_total{rule="guess"} 12)");
  expect_line(text, R"(tidegate_rule_findings_total{rule="guess",outcome="enforced"} 3)");
  expect_line(text, R"(tidegate_rule_findings_total{rule="guess",outcome="nat_guard"} 1)");
  expect_line(text, R"(tidegate_rule_findings_total{rule="guess",outcome="shadow"} 7)");
  expect_line(text, R"(tidegate_rule_suppressed_total{rule="guess"} 4)");
  expect_line(text, R"(tidegate_rule_evicted_total{rule="guess"} 5)");
  expect_line(text, R"(tidegate_rule_last_fired_timestamp_seconds{rule="guess"} 1893456000)");
  expect_line(text, "tidegate_rules 1");
  expect_line(text, "tidegate_rules_keys 9");
  expect_line(text, "tidegate_rules_alarms_total 2");
  expect_line(text, "tidegate_rules_dropped_total 6");
  expect_line(text, "tidegate_rules_unproven_total 4");
}

TEST(Families, ExportsByPath) {
  control::StatusReport status;
  EXPECT_EQ(text_of(status, {}).find("tidegate_export"), std::string::npos);
  status.exports = {{.kind = "ecs_file", .path = "/a", .written = 7, .lost = 3, .problem = "full"}};
  const auto text = text_of(status, {});
  expect_line(text, R"(tidegate_export_events_total{kind="ecs_file",path="/a",outcome="written"} 7)");
  expect_line(text, R"(tidegate_export_events_total{kind="ecs_file",path="/a",outcome="lost"} 3)");
  expect_line(text, R"(tidegate_export_up{kind="ecs_file",path="/a"} 0)");
}

TEST(Families, InterfacesTablesFaultsAndGauges) {
  control::StatusReport status;
  status.generation = 4;
  status.enforcing = true;
  status.decisions = 12;
  status.agent_memory = 1 << 20;
  control::InterfaceReport interface;
  interface.interface.state = {"eth0", 2, "native", true, ""};
  interface.traffic.dropped = {9, 900};
  status.interfaces.push_back(interface);
  status.tables = {{"blocks", 10, 100, 4096}};
  status.faults = {{"set_full", 2}};
  status.ages = {{"counters", std::chrono::milliseconds(1500)}};
  status.features = {{"xdp_frags", false, "no jumbo frames"}};
  const auto text = text_of(status, {});
  expect_line(text, R"(tidegate_interface_packets_total{interface="eth0",verdict="drop"} 9)");
  expect_line(text, R"(tidegate_interface_attached{interface="eth0"} 1)");
  expect_line(text, R"(tidegate_table_entries{table="blocks"} 10)");
  expect_line(text, R"(tidegate_table_capacity{table="blocks"} 100)");
  expect_line(text, R"(tidegate_faults_total{fault="set_full"} 2)");
  expect_line(text, R"(tidegate_age_seconds{of="counters"} 1.5)");
  expect_line(text, R"(tidegate_feature_available{feature="xdp_frags"} 0)");
  expect_line(text, "tidegate_policy_generation 4");
  expect_line(text, "tidegate_decisions 12");
  expect_line(text, "tidegate_enforcing 1");
  expect_line(text, "tidegate_resident_bytes 1048576");
}

}  // namespace
}  // namespace tidegate::metrics
