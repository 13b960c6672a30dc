// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/format/escape.hpp"
#include "cli/top/history.hpp"
#include "cli/top/render.hpp"
#include "tests/unit/cli/fake_agent.hpp"
#include "tests/unit/cli/runner.hpp"

namespace tidegate::cli::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::ordered_json;

v1::TopRow row(const std::string& source, double dropped) {
  v1::TopRow made;
  made.set_source(source);
  made.set_service("api");
  made.set_passed_pps(100);
  made.set_dropped_pps(dropped);
  made.set_dropped_total(static_cast<std::uint64_t>(dropped) * 10);
  made.set_reason("packet_limit");
  made.set_estimated(true);
  return made;
}

v1::TopResponse answer() {
  v1::TopResponse response;
  auto& status = *response.mutable_status();
  status.set_version("0.1.0");
  status.set_enforcing(true);
  status.set_policy_generation(3);
  for (int i = 1; i <= 5; ++i) status.add_warnings("warning " + std::to_string(i));
  auto& interface = *status.add_interfaces();
  interface.set_name("eth0");
  interface.set_mode("native");
  interface.set_attached(true);
  interface.mutable_passed_rate()->set_packets_per_second(1000);
  interface.mutable_dropped_rate()->set_packets_per_second(850000);
  interface.mutable_dropped_rate()->set_bits_per_second(1.1e9);
  auto& table = *status.add_tables();
  table.set_name("buckets");
  table.set_entries(60000);
  table.set_capacity(65536);
  *response.add_rows() = row("203.0.113.1", 10);
  *response.add_rows() = row("203.0.113.2", 5000);
  return response;
}

std::vector<std::string> texts(const std::vector<Line>& lines) {
  std::vector<std::string> result;
  for (const Line& line : lines) {
    std::string text;
    for (const Span& span : line) text += span.text;
    result.push_back(text);
  }
  return result;
}

std::size_t line_with(const std::vector<std::string>& lines, const std::string& text) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find(text) != std::string::npos) return i;
  }
  return lines.size();
}

TEST(TopHistory, SparklineScalesToItsHighestAndAlignsRight) {
  History history;
  for (const double value : {0.0, 1.0, 4.0, 8.0}) history.add(value);
  EXPECT_EQ(sparkline(history, 6), "   ▁▄█");
  EXPECT_EQ(sparkline(history, 2), "▄█");
  EXPECT_EQ(sparkline(History{}, 3), "   ");
}

TEST(TopHistory, IsBounded) {
  History history;
  for (int i = 0; i < 1000; ++i) history.add(i);
  EXPECT_EQ(history.values().size(), History::kMost);
  EXPECT_EQ(history.values().back(), 999);
}

TEST(TopHistory, BarsHaveEighths) {
  EXPECT_EQ(bar(0, 10, 4), "    ");
  EXPECT_EQ(bar(5, 10, 4), "██  ");
  EXPECT_EQ(bar(10, 80, 4), "▌   ");
  EXPECT_EQ(bar(99, 10, 2), "██");
  EXPECT_EQ(bar(1, 0, 2), "  ");
}

TEST(TopRender, FillsEveryScreenExactly) {
  TopView view;
  view.take(answer());
  const ManualClock clock;
  for (const auto& [width, height] : std::vector<std::pair<std::size_t, std::size_t>>{
           {80, 24}, {160, 50}, {40, 10}, {20, 5}, {1, 1}, {300, 100}, {0, 0}, {10, 2}}) {
    const auto lines = texts(render_top(view, clock, width, height));
    EXPECT_EQ(lines.size(), height);
    for (const std::string& line : lines) EXPECT_LE(display_width(line), width) << line;
  }
}

TEST(TopRender, WarningsBeforeNumbersAndWorstSourceFirst) {
  TopView view;
  view.take(answer());
  const auto lines = texts(render_top(view, ManualClock(), 80, 24));
  EXPECT_THAT(lines[0], StartsWith("tidegate 0.1.0 · enforcing · generation 3"));
  EXPECT_EQ(lines[1], "! warning 1");
  EXPECT_EQ(lines[4], "! and 2 more: tidegate status");
  EXPECT_LT(line_with(lines, "! warning 1"), line_with(lines, "dropped "));
  EXPECT_THAT(lines[line_with(lines, "dropped ")], HasSubstr("850.0k pkt/s"));
  EXPECT_LT(line_with(lines, "203.0.113.2"), line_with(lines, "203.0.113.1"));
  EXPECT_THAT(lines[line_with(lines, "203.0.113.2")], HasSubstr("packet_limit"));
  EXPECT_THAT(lines.back(), HasSubstr("q quit"));
  EXPECT_THAT(lines.back(), HasSubstr("estimated"));
}

TEST(TopRender, ShowsDryRunPauseAndDetachedInterfaces) {
  TopView view;
  v1::TopResponse response = answer();
  response.mutable_status()->set_enforcing(false);
  response.mutable_status()->mutable_interfaces(0)->set_attached(false);
  response.mutable_status()->mutable_interfaces(0)->set_problem("no native XDP");
  view.take(response);
  view.paused = true;
  view.problem = "the agent cannot be reached";
  const auto lines = texts(render_top(view, ManualClock(), 100, 30));
  EXPECT_THAT(lines[0], HasSubstr("DRY-RUN"));
  EXPECT_THAT(lines[0], HasSubstr("PAUSED"));
  EXPECT_EQ(lines[1], "! the agent cannot be reached");
  EXPECT_LT(line_with(lines, "NOT ATTACHED no native XDP"), lines.size());
  EXPECT_THAT(lines.back(), HasSubstr("go on"));
}

TEST(TopRender, NamesOfOthersAreEscaped) {
  TopView view;
  v1::TopResponse response = answer();
  response.mutable_rows(1)->set_service("x\x1b[2J\ny");
  view.take(response);
  for (const std::string& line : texts(render_top(view, ManualClock(), 120, 30))) {
    EXPECT_EQ(line.find_first_of("\x1b\n"), std::string::npos);
  }
}

TEST(TopView, KeepsHistoryOfPresentInterfacesOnly) {
  TopView view;
  view.take(answer());
  view.take(answer());
  EXPECT_EQ(view.interfaces.at("eth0").dropped.values().size(), 2U);
  v1::TopResponse other = answer();
  other.mutable_status()->mutable_interfaces(0)->set_name("eth1");
  view.take(other);
  EXPECT_EQ(view.interfaces.count("eth0"), 0U);
  EXPECT_EQ(view.total.dropped.values().size(), 3U);
  view.reset();
  EXPECT_TRUE(view.total.dropped.values().empty());
}

TEST(TopCommand, RulesByHowOftenTheyFire) {
  FakeAgent agent;
  Runner run{agent.socket()};
  agent.status.top.response = answer();
  agent.status.top.response.clear_rows();
  auto& rule = *agent.status.top.response.add_rows()->mutable_rule();
  rule.set_name("guess\x1b[2J");
  rule.set_action("block");
  rule.set_matched_per_second(120);
  rule.set_fired_per_second(0.5);
  rule.set_enforced(7);
  const Ran json = run({"top", "--once", "--by", "rule", "-o", "json"});
  ASSERT_EQ(json.exit, 0) << json.err;
  EXPECT_EQ(agent.status.top.asked.by(), v1::TOP_BY_RULE);
  const Json row = Json::parse(json.out)[0];
  EXPECT_EQ(row["matched_per_second"], 120);
  EXPECT_EQ(row["enforced"], 7);
  const Ran table = run({"top", "--once", "--by", "rule", "-o", "table"});
  EXPECT_THAT(table.out, HasSubstr("HELD BACK"));
  TopView view;
  view.take(agent.status.top.response);
  view.by = v1::TOP_BY_RULE;
  for (const std::size_t width : {20U, 80U, 160U}) {
    const auto lines = texts(render_top(view, ManualClock(), width, 30));
    for (const std::string& line : lines) {
      EXPECT_LE(display_width(line), width);
      EXPECT_EQ(line.find('\x1b'), std::string::npos);
    }
    if (width >= 80) {
      EXPECT_THAT(lines[line_with(lines, "guess")], HasSubstr("120"));
    }
  }
}

TEST(TopCommand, ADryRunShowsWhatWouldBeDropped) {
  FakeAgent agent;
  Runner run{agent.socket()};
  auto quiet = row("203.0.113.3", 0);
  quiet.set_would_drop_pps(4321);
  *agent.status.top.response.add_rows() = row("203.0.113.4", 0);
  *agent.status.top.response.add_rows() = quiet;
  const Json rows = Json::parse(run({"top", "--once", "-o", "json"}).out);
  EXPECT_EQ(rows[0]["source"], "203.0.113.3");
  EXPECT_EQ(rows[0]["would_drop_pps"], 4321);
  EXPECT_THAT(run({"top", "--once"}).out, HasSubstr("WOULD/S"));
  TopView view;
  ManualClock clock;
  view.by = v1::TOP_BY_SOURCE;
  view.take(agent.status.top.response);
  const auto lines = texts(render_top(view, clock, 100, 30));
  EXPECT_LT(line_with(lines, "WOULD/S"), lines.size());
  view.take(answer());
  for (const auto& line : texts(render_top(view, clock, 100, 30))) EXPECT_EQ(line.find("WOULD/S"), std::string::npos);
}

TEST(TopCommand, OnceHasTheKeysOfTheContract) {
  FakeAgent agent;
  Runner run{agent.socket()};
  agent.status.top.response = answer();
  const Ran ran = run({"top", "--once", "--by", "source", "--limit", "5", "-o", "json"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  const Json rows = Json::parse(ran.out);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["source"], "203.0.113.2") << "what drops most comes first";
  for (const char* key : {"source", "service", "passed_pps", "dropped_pps", "dropped_total", "reason", "estimated"}) {
    EXPECT_TRUE(rows[0].contains(key)) << key;
  }
  EXPECT_TRUE(rows[0]["dropped_total"].is_number_integer());
  EXPECT_EQ(agent.status.top.asked.by(), v1::TOP_BY_SOURCE);
  EXPECT_EQ(agent.status.top.asked.limit(), 5U);
}

v1::TopResponse endpoints() {
  v1::TopResponse response;
  for (const char* path : {"/users/{}", "/login"}) {
    auto& row = *response.add_rows();
    row.set_service("api");
    auto& endpoint = *row.mutable_endpoint();
    endpoint.set_method("GET");
    endpoint.set_path_template(path);
    endpoint.set_requests(100);
    endpoint.set_requests_per_second(12.34);
    for (const std::uint64_t count : {0, 0, 75, 0, 25, 0}) endpoint.add_by_class(count);
    endpoint.set_median_ms(1.5);
    endpoint.set_p99_ms(120);
  }
  return response;
}

TEST(TopCommand, EndpointsKeepTheOrderOfTheAgent) {
  FakeAgent agent;
  Runner run{agent.socket()};
  agent.status.top.response = endpoints();
  const Ran ran = run({"top", "--once", "--by", "endpoint", "-o", "json"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(agent.status.top.asked.by(), v1::TOP_BY_ENDPOINT);
  const Json rows = Json::parse(ran.out);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["path_template"], "/users/{}");
  EXPECT_EQ(rows[0]["method"], "GET");
  EXPECT_EQ(rows[0]["service"], "api");
  EXPECT_EQ(rows[0]["requests"], 100);
  EXPECT_EQ(rows[0]["requests_per_second"], 12.3);
  EXPECT_EQ(rows[0]["status"]["2xx"], 75);
  EXPECT_EQ(rows[0]["status"]["none"], 0);
  EXPECT_EQ(rows[0]["p99_ms"], 120);
  const std::string table = run({"top", "--once", "--by", "endpoint"}).out;
  EXPECT_THAT(table, HasSubstr("GET /users/{}"));
  EXPECT_THAT(table, HasSubstr("25 %"));
}

TEST(TopRender, EndpointsFitTheScreen) {
  TopView view;
  view.by = v1::TOP_BY_ENDPOINT;
  v1::TopResponse response = endpoints();
  response.mutable_rows(0)->mutable_endpoint()->set_path_template("/" + std::string(300, 'x') + "\x1b[2J");
  view.take(response);
  for (const std::size_t width : {20U, 80U, 160U}) {
    for (const std::string& line : texts(render_top(view, ManualClock(), width, 24))) {
      EXPECT_LE(display_width(line), width) << line;
      EXPECT_EQ(line.find('\x1b'), std::string::npos);
    }
  }
  const auto lines = texts(render_top(view, ManualClock(), 100, 24));
  EXPECT_LT(line_with(lines, "ENDPOINT"), line_with(lines, "GET /login"));
  EXPECT_LT(line_with(lines, "GET /login"), lines.size());
}

TEST(TopCommand, WithoutATerminalNamesOnce) {
  FakeAgent agent;
  Runner run{agent.socket()};
  const Ran ran = run({"top"});
  EXPECT_EQ(ran.exit, 2);
  EXPECT_THAT(ran.err, HasSubstr("tidegate top --once"));
}

}  // namespace
}  // namespace tidegate::cli::test
