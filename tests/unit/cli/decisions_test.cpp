// SPDX-License-Identifier: Apache-2.0
// block, unblock, limit, decisions, safelist: exact texts, keys and exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/unit/cli/fake_agent.hpp"
#include "tests/unit/cli/runner.hpp"

namespace tidegate::cli::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

class Decisions : public ::testing::Test {
 protected:
  FakeAgent agent;
  Runner run{agent.socket()};

  std::string file(const std::string& name, const std::string& text) {
    const std::string path = agent.directory() / name;
    std::ofstream(path) << text;
    return path;
  }
};

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

TEST_F(Decisions, BlockSaysWhatWasDoneAndHowToUndoIt) {
  auto made = decision(7, "203.0.113.7", "operator", "flood");
  made.mutable_expires()->set_seconds(kNow + 3600);
  *agent.decisions.block.response.add_decisions() = made;
  run.variables["SSH_CONNECTION"] = "198.51.100.9 50000 192.0.2.1 22";
  const Ran ran = run({"block", "203.0.113.7", "--for", "1h", "--reason", "flood", "--force"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "blocked 203.0.113.7 until 2030-01-01T01:00:00Z (id 7)\nundo: tidegate unblock 203.0.113.7\n");
  const v1::BlockRequest& asked = agent.decisions.block.asked;
  EXPECT_THAT(asked.targets(), ElementsAre("203.0.113.7"));
  EXPECT_EQ(asked.duration().seconds(), 3600);
  EXPECT_EQ(asked.reason(), "flood");
  EXPECT_TRUE(asked.force());
  EXPECT_THAT(asked.caller_peers(), ElementsAre("198.51.100.9")) << "the guard protects the caller's session";
}

TEST_F(Decisions, BlockWithoutForLastsUntilRemoved) {
  *agent.decisions.block.response.add_decisions() = decision(8, "2001:db8::/32", "operator", "");
  const Ran ran = run({"block", "2001:db8::/32", "-o", "json"});
  EXPECT_FALSE(agent.decisions.block.asked.has_duration());
  const Json document = Json::parse(ran.out);
  EXPECT_TRUE(document["decisions"][0]["expires"].is_null());
  EXPECT_EQ(document["undo"], "tidegate unblock 2001:db8::/32");
}

TEST_F(Decisions, HostBitsAreRefusedWithTheOneThatWasMeant) {
  const Ran ran = run({"block", "203.0.113.7/24"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("203.0.113.0/24"));
  EXPECT_EQ(agent.decisions.block.calls, 0);
}

TEST_F(Decisions, WhatIsNoAddressAtAllIsWrongUsage) {
  EXPECT_EQ(run({"block", "nonsense"}).exit, 2);
  EXPECT_EQ(run({"why", "nonsense"}).exit, 2);
  EXPECT_EQ(run({"safelist", "check", "192.0.2.0/24"}).exit, 2) << "it takes an address";
  EXPECT_EQ(agent.decisions.block.calls, 0);
}

TEST_F(Decisions, ANonsensePeerOfTheSessionIsNotSent) {
  *agent.decisions.block.response.add_decisions() = decision(8, "203.0.113.7", "operator", "");
  run.variables["SSH_CONNECTION"] = "UNKNOWN 65535 UNKNOWN 65535";
  EXPECT_EQ(run({"block", "203.0.113.7"}).exit, 0);
  EXPECT_EQ(agent.decisions.block.asked.caller_peers_size(), 0);
}

TEST_F(Decisions, LimitNeedsARateAndShowsIt) {
  EXPECT_EQ(run({"limit", "203.0.113.7"}).exit, 2);
  EXPECT_EQ(run({"limit", "203.0.113.7", "--packets", "fast"}).exit, 2);
  EXPECT_EQ(run({"limit", "203.0.113.7", "--bytes", "100/s"}).exit, 2);
  auto made = decision(9, "203.0.113.7", "operator", "");
  made.set_action(v1::ACTION_LIMIT);
  made.mutable_limit()->set_packets("100/s");
  made.mutable_limit()->set_bytes("1MB/s");
  *agent.decisions.limit.response.add_decisions() = made;
  const Ran ran = run({"limit", "203.0.113.7", "--packets", "100/s", "--bytes", "1MB/s"});
  EXPECT_EQ(ran.out,
            "limited 203.0.113.7 to 100/s and 1MB/s until removed (id 9)\nundo: tidegate decisions delete 9\n");
  EXPECT_EQ(agent.decisions.limit.asked.rates().packets(), "100/s");
}

TEST_F(Decisions, UnblockNamesWhatStillCovers) {
  auto& outcome = *agent.decisions.unblock.response.add_outcomes();
  outcome.set_target("203.0.113.7");
  outcome.set_removed(1);
  *outcome.add_still_covering() = decision(3, "203.0.113.0/24", "feed:scan", "");
  agent.decisions.unblock.response.add_outcomes()->set_target("203.0.113.8");
  const Ran ran = run({"unblock", "203.0.113.7", "203.0.113.8"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out,
            "unblocked 203.0.113.7 (1 decision removed)\n"
            "  still covered: block 203.0.113.0/24 by feed:scan until removed (id 3)\n"
            "no operator decision has exactly the target 203.0.113.8; nothing was removed\n");
}

TEST_F(Decisions, ListHasTheKeysOfTheContract) {
  agent.decisions.list = {decision(1, "203.0.113.7", "operator", "a"), decision(2, "2001:db8::1", "feed:x", "b")};
  const Ran ran =
      run({"decisions", "list", "--origin", "operator", "--contains", "203.0.113.7", "--limit", "5", "-o", "json"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  const Json document = Json::parse(ran.out);
  ASSERT_TRUE(document.is_array());
  ASSERT_EQ(document.size(), 2U);
  EXPECT_THAT(keys(document[0]),
              ElementsAre("id", "target", "action", "origin", "reason", "created", "expires", "forced", "actor"));
  EXPECT_TRUE(document[0]["id"].is_number_integer());
  EXPECT_EQ(document[0]["created"], "2030-01-01T00:00:00Z");
  EXPECT_TRUE(document[0]["expires"].is_null());
  EXPECT_EQ(agent.decisions.list_asked.origin(), "operator");
  EXPECT_EQ(agent.decisions.list_asked.contains(), "203.0.113.7");
  EXPECT_EQ(agent.decisions.list_asked.limit(), 5U);
}

TEST_F(Decisions, ListAsTableAndYaml) {
  auto made = decision(1, "203.0.113.7", "operator", "say \x1b[2Jhello");
  made.mutable_expires()->set_seconds(kNow + 59 * 60);
  agent.decisions.list = {made};
  EXPECT_EQ(
      run({"decisions", "list"}).out,
      "ID  TARGET       ACTION  ORIGIN    CREATED               EXPIRES                        REASON\n"
      " 1  203.0.113.7  block   operator  2030-01-01T00:00:00Z  2030-01-01T00:59:00Z (in 59m)  say \\x1b[2Jhello\n");
  EXPECT_THAT(run({"decisions", "list", "-o", "yaml"}).out, HasSubstr("- id: 1\n  target: \"203.0.113.7\"\n"));
  agent.decisions.list.clear();
  EXPECT_EQ(run({"decisions", "list", "-o", "yaml"}).out, "[]\n");
}

// A rule's decision on a session: no address, so that it is listed and not exported.
TEST_F(Decisions, OnSessionsAreListedWithTheirConnections) {
  auto made = decision(1893456000000, "session 00112233\u2026", "rule:abuse", "much");
  made.mutable_identity()->set_connections_blocked(12);
  made.mutable_identity()->add_connections("203.0.113.7:40000 to 192.0.2.1:443");
  agent.decisions.list = {made, decision(1, "203.0.113.7", "operator", "flood")};
  EXPECT_THAT(run({"decisions", "list"}).out, HasSubstr("session 00112233\u2026  block 12 connections  rule:abuse"));
  const Json document = Json::parse(run({"decisions", "list", "-o", "json"}).out);
  EXPECT_THAT(keys(document[0]),
              ElementsAre("id", "target", "action", "origin", "reason", "created", "expires", "service", "connections",
                          "connections_blocked", "behind_proxy", "forced", "actor"));
  EXPECT_EQ(document[0]["id"], 1893456000000);
  EXPECT_TRUE(document[0]["service"].is_null());
  EXPECT_EQ(document[0]["connections"][0], "203.0.113.7:40000 to 192.0.2.1:443");
  EXPECT_EQ(run({"decisions", "export"}).out, "203.0.113.7 flood\n");
  auto& outcome = *agent.decisions.unblock.response.add_outcomes();
  outcome.set_target("203.0.113.7");
  *outcome.add_still_covering() = made;
  EXPECT_THAT(run({"unblock", "203.0.113.7"}).out,
              HasSubstr("still covered: block session 00112233\u2026 by rule:abuse until removed (id 1893456000000)"));
}

TEST_F(Decisions, ColoursOnlyOnTerminalsThatWantThem) {
  run.terminal = true;
  EXPECT_THAT(run({"decisions", "list"}).out, HasSubstr("\x1b[1mID\x1b[0m"));
  run.variables["NO_COLOR"] = "1";
  EXPECT_THAT(run({"decisions", "list"}).out, ::testing::Not(HasSubstr("\x1b")));
  run.variables = {{"TERM", "dumb"}};
  EXPECT_THAT(run({"decisions", "list"}).out, ::testing::Not(HasSubstr("\x1b")));
}

TEST_F(Decisions, ImportStreamsTheWholeFile) {
  std::string text;
  for (int i = 0; i < 60000; ++i) text += "203.0.113.7 1h reason\n";
  agent.decisions.import_response.set_imported(60000);
  const Ran ran = run({"decisions", "import", file("blocks.txt", text), "--origin", "scan", "--format", "plain"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "imported 60000 decisions\n");
  EXPECT_EQ(ran.err, "") << "no progress where nobody looks";
  EXPECT_EQ(agent.decisions.import_text, text);
  EXPECT_EQ(agent.decisions.import_header.origin(), "scan");
  EXPECT_EQ(agent.decisions.import_header.format(), v1::ImportHeader::PLAIN);
}

TEST_F(Decisions, ImportShowsProgressOnATerminal) {
  run.terminal = true;
  agent.decisions.import_response.set_imported(1);
  EXPECT_THAT(run({"decisions", "import", file("blocks.txt", "203.0.113.7\n")}).err, HasSubstr("importing ["));
}

TEST_F(Decisions, ImportReportsBadLinesByNumber) {
  auto& error = *agent.decisions.import_response.add_errors();
  error.set_line(2);
  error.set_message("'nonsense' is not an address");
  agent.decisions.import_response.set_error_count(1);
  run.input = "203.0.113.7\nnonsense\n";
  const Ran ran = run({"decisions", "import", "-"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "<stdin>:2: 'nonsense' is not an address\ntidegate: <stdin>: 1 bad line; nothing was imported\n");
  EXPECT_EQ(agent.decisions.import_text, run.input);
}

TEST_F(Decisions, ImportOfAFileThatIsNotThere) {
  const Ran ran = run({"decisions", "import", "/nonexistent/blocks"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("cannot read /nonexistent/blocks"));
}

TEST_F(Decisions, ExportWritesEveryFormat) {
  agent.decisions.list = {decision(1, "203.0.113.7", "operator", "flood")};
  EXPECT_EQ(run({"decisions", "export"}).out, "203.0.113.7 flood\n");
  EXPECT_THAT(run({"decisions", "export", "--format", "csv"}).out, HasSubstr("\n1,203.0.113.7,block,operator,flood,"));
  EXPECT_EQ(Json::parse(run({"decisions", "export", "--format", "json"}).out)[0]["target"], "203.0.113.7");
  EXPECT_EQ(Json::parse(run({"decisions", "export", "-o", "json"}).out)[0]["id"], 1);
  EXPECT_THAT(run({"decisions", "export", "--format", "nft"}).out, HasSubstr("203.0.113.7"));
}

TEST_F(Decisions, ExportOfWhatCannotBeReadFailsInsteadOfLeavingItOut) {
  agent.decisions.list = {decision(5, "not an address", "operator", "")};
  const Ran ran = run({"decisions", "export"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("id 5"));
}

TEST_F(Decisions, DeleteTakesIdsOrAnOrigin) {
  EXPECT_EQ(run({"decisions", "delete"}).exit, 2);
  EXPECT_EQ(run({"decisions", "delete", "1", "--origin", "x"}).exit, 2);
  EXPECT_EQ(run({"decisions", "delete", "x1"}).exit, 2);
  agent.decisions.remove.response.set_deleted(1);
  EXPECT_EQ(run({"decisions", "delete", "1"}).out, "1 decision deleted\n");
  const Ran some = run({"decisions", "delete", "1", "2"});
  EXPECT_EQ(some.exit, 1);
  EXPECT_THAT(some.err, HasSubstr("1 id had no decision"));
}

TEST_F(Decisions, DeleteOfAnOriginAsksOnATerminal) {
  run.terminal = true;
  run.input = "n\n";
  const Ran refused = run({"decisions", "delete", "--origin", "scan"});
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, HasSubstr("Delete every decision of origin scan? [y/N]"));
  EXPECT_EQ(agent.decisions.remove.calls, 0);
  run.input = "y\n";
  EXPECT_EQ(run({"decisions", "delete", "--origin", "scan"}).exit, 0);
  run.input = "";
  EXPECT_EQ(run({"decisions", "delete", "--origin", "scan", "--yes"}).exit, 0);
  run.terminal = false;
  EXPECT_EQ(run({"decisions", "delete", "--origin", "scan"}).exit, 0) << "scripts cannot be asked";
  EXPECT_EQ(agent.decisions.remove.calls, 3);
}

TEST_F(Decisions, SafelistAddSaysWhichBlocksNoLongerAct) {
  auto& entry = *agent.safelist.add.response.add_entries();
  entry.set_target("192.0.2.10");
  entry.set_ceiling("1000000/s");
  *agent.safelist.add.response.add_overridden() = decision(4, "192.0.2.10", "operator", "");
  const Ran ran = run({"safelist", "add", "192.0.2.10"});
  EXPECT_EQ(ran.out,
            "safelisted 192.0.2.10 up to 1000000/s\n"
            "  no longer acts: block 192.0.2.10 by operator until removed (id 4)\n"
            "undo: tidegate safelist remove 192.0.2.10\n");
  EXPECT_EQ(run({"safelist", "add", "192.0.2.10", "--ceiling", "x"}).exit, 2);
  run.variables["SSH_CONNECTION"] = "198.51.100.9 50000 192.0.2.1 22";
  agent.safelist.remove.response.set_removed(1);
  EXPECT_EQ(run({"safelist", "remove", "192.0.2.10", "--force"}).exit, 0);
  EXPECT_TRUE(agent.safelist.remove.asked.force());
  EXPECT_THAT(agent.safelist.remove.asked.caller_peers(), ElementsAre("198.51.100.9"));
}

TEST_F(Decisions, SafelistCheckAndRemove) {
  const Ran none = run({"safelist", "check", "192.0.2.10", "-o", "json"});
  EXPECT_EQ(none.exit, 0);
  EXPECT_EQ(Json::parse(none.out)["safelisted"], false);
  auto& match = *agent.safelist.check.response.add_matches();
  match.set_target("192.0.2.0/24");
  match.set_origin("policy");
  EXPECT_THAT(run({"safelist", "check", "192.0.2.10"}).out, HasSubstr("192.0.2.10 is safelisted\n"));
  EXPECT_EQ(run({"safelist", "remove", "192.0.2.10"}).exit, 1) << "nothing was removed";
  agent.safelist.remove.response.set_removed(1);
  EXPECT_EQ(run({"safelist", "remove", "192.0.2.10"}).out, "1 entry removed from the safelist\n");
}

}  // namespace
}  // namespace tidegate::cli::test
