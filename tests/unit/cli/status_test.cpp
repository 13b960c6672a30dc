// SPDX-License-Identifier: Apache-2.0
// status, why, events, attach, detach, support.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/unit/cli/fake_agent.hpp"
#include "tests/unit/cli/runner.hpp"

namespace tidegate::cli::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::ordered_json;

class StatusCommands : public ::testing::Test {
 protected:
  FakeAgent agent;
  Runner run{agent.socket()};

  StatusCommands() {
    v1::GetStatusResponse& status = agent.status.get.response;
    status.set_version("0.1.0");
    status.set_policy_generation(3);
    status.set_enforcing(true);
    status.mutable_started()->set_seconds(kNow - 8040);
    status.add_warnings("eth1 is detached");
    auto& interface = *status.add_interfaces();
    interface.set_name("eth0");
    interface.set_mode("native");
    interface.set_attached(true);
    interface.mutable_passed()->set_packets(1200000);
    interface.mutable_dropped()->set_packets(42);
    interface.mutable_dropped_rate()->set_packets_per_second(850000);
    auto& table = *status.add_tables();
    table.set_name("blocks");
    table.set_entries(5);
    table.set_capacity(1048576);
    status.mutable_inspector()->set_state("off");
  }
};

TEST_F(StatusCommands, ShowsTheTopSources) {
  auto& row = *agent.status.top.response.add_rows();
  row.set_source("203.0.113.7");
  row.set_service("api");
  row.set_dropped_pps(5000);
  row.set_would_drop_pps(3);
  row.set_reason("packet_limit");
  EXPECT_THAT(run({"status"}).out, HasSubstr("203.0.113.7"));
  EXPECT_EQ(agent.status.top.asked.limit(), 5U);
  const Json status = Json::parse(run({"status", "-o", "json"}).out);
  EXPECT_EQ(status["top_sources"][0]["source"], "203.0.113.7");
  EXPECT_EQ(status["top_sources"][0]["would_drop_pps"], 3);
}

// The agent answers earlier than it was asked to wait: it bounds how long a client holds a thread of it.
TEST_F(StatusCommands, WaitsUntilItsOwnDeadlineAndThenSaysSo) {
  agent.status.get.response.mutable_interfaces(0)->set_attached(false);
  const Ran ran = run({"status", "--wait", "1"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("not ready after 1 s"));
  EXPECT_GT(agent.status.get.calls, 1);
  EXPECT_EQ(run({"status"}).exit, 0) << "who does not wait is told all the same";
  agent.status.get.response.mutable_interfaces(0)->set_detached_by_operator(true);
  EXPECT_EQ(run({"status", "--wait", "1"}).exit, 0);
}

TEST_F(StatusCommands, JsonHasTheKeysOfTheContract) {
  const Ran ran = run({"status", "-o", "json"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  const Json status = Json::parse(ran.out);
  EXPECT_EQ(status["version"], "0.1.0");
  EXPECT_EQ(status["policy_generation"], 3);
  EXPECT_EQ(status["warnings"], Json::array({"eth1 is detached"}));
  const Json& interface = status["interfaces"][0];
  EXPECT_EQ(interface["name"], "eth0");
  EXPECT_EQ(interface["mode"], "native");
  EXPECT_EQ(interface["attached"], true);
  EXPECT_TRUE(interface["passed"].is_number_unsigned());
  EXPECT_EQ(interface["passed"], 1200000);
  EXPECT_EQ(interface["dropped"], 42);
  EXPECT_EQ(status["tables"][0]["name"], "blocks");
  EXPECT_EQ(status["tables"][0]["entries"], 5);
  EXPECT_EQ(status["tables"][0]["capacity"], 1048576);
  EXPECT_EQ(status["inspector"]["state"], "off");
  EXPECT_EQ(status["inspector"]["lost_bytes"], 0);
  EXPECT_EQ(status["inspector"]["connections"], 0);
}

TEST_F(StatusCommands, RulesInOneLineAndWhatIsWrongWithThemInAnother) {
  EXPECT_EQ(run({"status"}).out.find("\nrules "), std::string::npos) << "there are none";
  auto& rules = *agent.status.get.response.mutable_rules();
  auto& rule = *rules.add_rules();
  rule.set_name("guess");
  rule.set_action("block");
  rule.set_matched(40);
  rule.set_enforced(3);
  rule.mutable_last_fired()->set_seconds(kNow);
  rules.set_keys(4200);
  rules.set_bytes(1'100'000);
  rules.set_budget(64'000'000);
  rules.set_enforced(3);
  auto& held_back = *rules.add_held_back();
  held_back.set_name("nat_guard");
  held_back.set_count(5);
  const Ran table = run({"status", "-o", "table"});
  EXPECT_THAT(table.out, HasSubstr("rules 1 · requests 0 · keys 4.2k · memory 1.1 MB of 64.0 MB · enforced 3 · "
                                   "held back: nat_guard 5\n"));
  EXPECT_EQ(table.out.find("alarms"), std::string::npos);
  rules.set_alarms(2);
  rules.set_dropped(9);
  EXPECT_THAT(run({"status", "-o", "table"}).out, HasSubstr("\n  alarms 2 · findings dropped 9\n"));
  const Json json = Json::parse(run({"status", "-o", "json"}).out)["rules"];
  EXPECT_EQ(json["in_force"], 1);
  EXPECT_EQ(json["keys"], 4200);
  EXPECT_EQ(json["held_back"], (Json{{"nat_guard", 5}}));
  EXPECT_EQ(json["by_rule"][0]["rule"], "guess");
  EXPECT_EQ(json["by_rule"][0]["last_fired"], "2030-01-01T00:00:00Z");
}

TEST_F(StatusCommands, RulesListSaysWhatEachDid) {
  agent.policy.show.response.set_text(
      "version: 1\ninterfaces: [{name: eth0}]\n"
      "services: [{name: web, match: [tcp/8080], http: {inspect: true}}]\n"
      "rules: [{name: guess, when: {count: 3, within: 1m}, then: {action: block, for: 10m}}]\n");
  auto& rule = *agent.status.get.response.mutable_rules()->add_rules();
  rule.set_name("guess");
  rule.set_matched(41);
  rule.set_suppressed(17);
  const Ran table = run({"rules", "list", "-o", "table"});
  ASSERT_EQ(table.exit, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("LAST FIRED"));
  EXPECT_THAT(table.out, HasSubstr("41"));
  Json json = Json::parse(run({"rules", "list", "-o", "json"}).out);
  EXPECT_EQ(json[0]["name"], "guess");
  EXPECT_EQ(json[0]["live"]["matched"], 41);
  EXPECT_EQ(json[0]["live"]["suppressed"], 17);
  rule.set_name("other");  // the policy changed in between
  json = Json::parse(run({"rules", "list", "-o", "json"}).out);
  EXPECT_TRUE(json[0]["live"].is_null());
  EXPECT_EQ(run({"rules", "list", "-o", "table"}).out.find("LAST FIRED"), std::string::npos);
}

TEST_F(StatusCommands, EventsInTheElasticCommonSchemaAreOneObjectALine) {
  v1::Event event;
  event.mutable_time()->set_seconds(kNow);
  event.set_kind("decision");
  event.set_message("rule:guess would block 203.0.113.7\x1b[2J");
  auto& decision = *event.mutable_decision();
  decision.set_change("reported");
  decision.set_action("block");
  decision.set_target("203.0.113.7");
  auto& finding = *decision.mutable_finding();
  finding.set_rule("guess");
  finding.set_outcome("trusted_proxy");
  finding.set_client("198.51.100.1");
  finding.set_named("203.0.113.7");
  finding.mutable_lasts()->set_seconds(600);
  finding.mutable_time()->set_seconds(kNow);
  finding.mutable_evidence()->set_observed(3);
  v1::Event drop;
  drop.set_kind("drop");
  drop.set_source("203.0.113.7");
  drop.set_destination("192.0.2.1");
  drop.set_protocol("tcp");
  drop.set_reason("packet_limit");
  drop.set_interface("eth0");
  agent.status.events = {event, drop};
  const Ran ran = run({"events", "--format", "ecs"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 2);
  EXPECT_EQ(ran.out.find('\x1b'), std::string::npos);
  const Json first = Json::parse(ran.out.substr(0, ran.out.find('\n')));
  EXPECT_EQ(first["source"]["ip"], "203.0.113.7");
  EXPECT_EQ(first["event"]["duration"], 600'000'000'000);
  EXPECT_EQ(first["tidegate"]["exported"], true);
  EXPECT_EQ(first["tidegate"]["proxy"], "198.51.100.1");
  EXPECT_EQ(first["tidegate"]["evidence"]["observed"], 3.0);
  const Json second = Json::parse(ran.out.substr(ran.out.find('\n') + 1));
  EXPECT_EQ(second["event"]["reason"], "packet_limit");
  EXPECT_EQ(second["network"]["transport"], "tcp");
  const Json plain = Json::parse(run({"events", "-o", "json"}).out);
  EXPECT_EQ(plain[0]["decision"]["finding"]["outcome"], "trusted_proxy");
  EXPECT_FALSE(plain[1].contains("decision"));
  EXPECT_EQ(run({"events", "--format", "xml"}).exit, 2);
}

TEST_F(StatusCommands, ExportsAreShownAndWhatTheyLost) {
  auto& exported = *agent.status.get.response.add_exports();
  exported.set_kind("ecs_file");
  exported.set_path("/var/log/tidegate/events.jsonl");
  exported.set_written(7);
  exported.set_lost(3);
  EXPECT_THAT(run({"status", "-o", "table"}).out,
              HasSubstr("export ecs_file /var/log/tidegate/events.jsonl · written 7 · lost 3\n"));
  EXPECT_EQ(Json::parse(run({"status", "-o", "json"}).out)["exports"][0]["lost"], 3);
}

TEST_F(StatusCommands, TheInspectorAndWhereItsKeysComeFrom) {
  auto& inspector = *agent.status.get.response.mutable_inspector();
  inspector.set_state("running");
  inspector.set_connections(1200);
  inspector.set_open_connections(7);
  inspector.set_decrypted(1100);
  inspector.set_no_key(42);
  inspector.set_restarts(3);
  const auto counter = [&](const char* name, const char* kind, std::uint64_t count) {
    auto& row = *inspector.add_counters();
    row.set_name(name);
    row.set_kind(kind);
    row.set_count(count);
  };
  counter("requests", "traffic", 5);
  counter("connections_no_key", "loss", 42);
  counter("ring_dropped_packets", "loss", 0);
  counter("malformed_tls", "hostile", 2);
  auto& source = *inspector.add_keys();
  source.set_kind("socket");
  source.set_path("/run/tidegate/keys.sock");
  source.set_accepted(900);
  source.mutable_last_seen()->set_seconds(3);
  const std::string out = run({"status"}).out;
  EXPECT_THAT(out, HasSubstr("inspector running · connections 1.2k (7 open) · decrypted 1.1k · without key 42"));
  EXPECT_THAT(out, HasSubstr("restarts 3\n  not seen: connections_no_key 42\n  hostile: malformed_tls 2\n"));
  EXPECT_THAT(out, HasSubstr("  keys socket /run/tidegate/keys.sock: 900 lines, last 3s ago\n"));
  const Json document = Json::parse(run({"status", "-o", "json"}).out)["inspector"];
  EXPECT_EQ(document["counters"]["connections_no_key"], 42);
  EXPECT_EQ(document["keys"][0]["kind"], "socket");
  EXPECT_EQ(document["keys"][0]["last_seen_seconds"], 3);
  EXPECT_EQ(document["restarts"], 3);
}

TEST_F(StatusCommands, WarningsComeFirst) {
  const std::string out = run({"status"}).out;
  EXPECT_THAT(out, StartsWith("tidegate 0.1.0 · enforcing · generation 3 · up 2h 14m\nwarning: eth1 is detached\n"));
  EXPECT_LT(out.find("warning:"), out.find("INTERFACE"));
}

TEST_F(StatusCommands, DryRunOfTheHostCannotBeOverlooked) {
  agent.status.get.response.set_enforcing(false);
  EXPECT_THAT(run({"status"}).out, HasSubstr("DRY-RUN, nothing is dropped"));
}

TEST_F(StatusCommands, NamesOfOthersCannotDriveTheTerminal) {
  agent.status.get.response.set_warnings(0, "evil \x1b[2J");
  run.terminal = true;
  run.variables["NO_COLOR"] = "1";
  EXPECT_THAT(run({"status"}).out, HasSubstr("warning: evil \\x1b[2J\n"));
}

TEST_F(StatusCommands, WaitPassesThePatienceOn) {
  EXPECT_EQ(run({"status", "--wait", "7"}).exit, 0);
  EXPECT_EQ(agent.status.get.asked.wait().seconds(), 7);
  EXPECT_EQ(run({"status"}).exit, 0);
  EXPECT_FALSE(agent.status.get.asked.has_wait());
  EXPECT_EQ(run({"status", "--wait", "soon"}).exit, 2);
}

TEST_F(StatusCommands, WhyHasTheKeysOfTheContract) {
  v1::WhyResponse& why = agent.status.why.response;
  why.set_address("203.0.113.7");
  why.set_verdict("drop");
  why.set_summary("blocked");
  auto& match = *why.add_matches();
  match.set_kind("block");
  match.set_origin("operator");
  match.set_target("203.0.113.0/24");
  match.set_reason("flood");
  match.set_packets(12000);
  match.set_bytes(3400000);
  match.set_undo("tidegate unblock 203.0.113.0/24");
  why.set_estimated(true);
  const Json document = Json::parse(run({"why", "203.0.113.7", "-o", "json"}).out);
  EXPECT_EQ(document["verdict"], "drop");
  EXPECT_EQ(document["estimated"], true);
  for (const char* key : {"kind", "origin", "target", "reason", "evidence", "expires", "packets", "bytes", "undo"}) {
    EXPECT_TRUE(document["matches"][0].contains(key)) << key;
  }
  EXPECT_EQ(run({"why", "203.0.113.7"}).out,
            "203.0.113.7 is dropped: blocked\n"
            "\n"
            "  block on 203.0.113.0/24 by operator\n"
            "    reason    flood\n"
            "    expires   never\n"
            "    traffic   12.0k packets, 3.4 MB (estimated)\n"
            "    undo      tidegate unblock 203.0.113.0/24\n");
}

TEST_F(StatusCommands, WhySaysThatNothingWouldDropThis) {
  agent.status.why.response.set_address("203.0.113.7");
  agent.status.why.response.set_verdict("pass");
  agent.status.why.response.set_summary("nothing would drop this");
  EXPECT_EQ(run({"why", "203.0.113.7"}).out, "203.0.113.7 passes: nothing would drop this\n");
  EXPECT_EQ(run({"why", "203.0.113.0/24"}).exit, 2) << "an address, not a network";
}

TEST_F(StatusCommands, EventsAreAListAndFollowIsAStream) {
  v1::Event event;
  event.mutable_time()->set_seconds(kNow);
  event.mutable_time()->set_nanos(123000000);
  event.set_kind("drop");
  event.set_source("203.0.113.7");
  event.set_source_port(40000);
  event.set_destination("2001:db8::1");
  event.set_destination_port(443);
  event.set_protocol("tcp");
  event.set_service("api");
  event.set_reason("packet_limit");
  event.set_packets(120);
  event.set_bytes(18000);
  agent.status.events = {event, event};
  EXPECT_EQ(Json::parse(run({"events", "-o", "json"}).out).size(), 2U);
  const Ran follow = run(
      {"events", "--follow", "-o", "json", "--since", "10m", "--reason", "packet_limit", "--source", "203.0.113.7"});
  EXPECT_EQ(follow.exit, 0);
  std::istringstream lines(follow.out);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    EXPECT_EQ(Json::parse(line)["time"], "2030-01-01T00:00:00.123Z");
  EXPECT_EQ(count, 2);
  EXPECT_TRUE(agent.status.events_asked.follow());
  EXPECT_EQ(agent.status.events_asked.since().seconds(), 600);
  agent.status.events = {event};
  EXPECT_EQ(run({"events"}).out,
            "2030-01-01T00:00:00.123Z drop      203.0.113.7:40000 -> [2001:db8::1]:443 tcp api packet_limit ×120 (18.0 "
            "kB)\n");
}

TEST_F(StatusCommands, CtrlCEndsFollowWith0AndOthersWith130) {
  agent.status.endless = true;
  run.interrupted = true;
  EXPECT_EQ(run({"events", "--follow"}).exit, 0);
  Runner other{"/nonexistent/socket"};
  other.interrupted = true;
  EXPECT_EQ(other({"status", "--wait", "60"}).exit, 130);
}

TEST_F(StatusCommands, DetachAsksOnATerminalAndWarns) {
  auto& interface = *agent.datapath.detach.response.add_interfaces();
  interface.set_name("eth0");
  interface.set_mode("-");
  interface.set_detached_by_operator(true);
  run.terminal = true;
  run.variables["NO_COLOR"] = "1";
  run.input = "\n";
  EXPECT_EQ(run({"detach"}).exit, 1);
  EXPECT_EQ(agent.datapath.detach.calls, 0);
  const Ran ran = run({"detach", "--interface", "eth0", "--yes"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(agent.datapath.detach.asked.interface(), "eth0");
  EXPECT_THAT(ran.out, HasSubstr("eth0       -     detached by operator\n"));
  EXPECT_THAT(ran.err, HasSubstr("is off until `tidegate attach --interface eth0`, restarts included"));
}

TEST_F(StatusCommands, AttachThatDidNotAttachFails) {
  auto& interface = *agent.datapath.attach.response.add_interfaces();
  interface.set_name("eth0");
  interface.set_problem("the driver has no native XDP");
  const Ran ran = run({"attach"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(ran.err, "tidegate: interface eth0 is not attached: the driver has no native XDP\n");
}

TEST_F(StatusCommands, SupportDumpWritesAPrivateFileAndNeverOverAnother) {
  (*agent.status.support.response.mutable_files())["status.txt"] = "fine";
  const std::string file = agent.directory() / "report.tar";
  const Ran ran = run({"support", "dump", file});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("tidegate-support/agent-status.txt"));
  const Ran again = run({"support", "dump", file});
  EXPECT_EQ(again.exit, 1);
  EXPECT_THAT(again.err, HasSubstr("exists already"));
}

TEST_F(StatusCommands, SupportDumpWithoutAgentKeepsWhatItHasAndExits3) {
  const std::string file = agent.directory() / "report.tar";
  const Ran ran = run({"support", "dump", file, "--socket", "/nonexistent/socket"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_TRUE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace tidegate::cli::test
