// SPDX-License-Identifier: Apache-2.0
// `tidegate inspect`: how requests are written, and the whole command with the real inspector in its sandbox.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "cli/inspect/inspector.hpp"
#include "cli/inspect/summary_json.hpp"
#include "cli/inspect/view.hpp"
#include "tests/unit/cli/with_inspector.hpp"
#include "tests/unit/inspect/wire/samples.hpp"

namespace tidegate::cli::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string json_of(const inspect::Summary& summary) {
  std::string text;
  SummaryJson().append(text, summary);
  return text;
}

// The names, in the order, and the types of the contract.
TEST(SummaryJsonTest, IsTheContract) {
  const Json object = Json::parse(json_of(inspect::full_summary()));
  const std::vector<std::string> contract{
      "time",        "client_ip",     "client_port", "server_ip",   "server_port",   "tls",
      "sni",         "alpn",          "ja4",         "http",        "method",        "path",
      "query_keys",  "path_template", "status",      "grpc_status", "request_bytes", "response_bytes",
      "duration_ms", "user_agent",    "session",     "proxied_ip"};
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  ASSERT_GE(names.size(), contract.size());
  EXPECT_EQ(std::vector<std::string>(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(contract.size())),
            contract);
  EXPECT_EQ(object["time"], "2030-03-17T17:46:40.123456Z");
  EXPECT_EQ(object["client_ip"], "192.0.2.7");
  EXPECT_EQ(object["client_port"], 40000);
  EXPECT_EQ(object["server_ip"], "2001:db8::1");
  EXPECT_EQ(object["tls"], "1.3");
  EXPECT_EQ(object["http"], "2");
  EXPECT_EQ(object["query_keys"], (Json{"a", "b"}));
  EXPECT_EQ(object["status"], 200);
  EXPECT_EQ(object["grpc_status"], 5);
  EXPECT_EQ(object["response_bytes"], 56'000'000'000);
  EXPECT_EQ(object["duration_ms"], 1.5);
  EXPECT_EQ(object["session"], "07070707070707070707070707070707");
  EXPECT_EQ(object["account"], "09090909090909090909090909090909");
  EXPECT_EQ(object["proxied_ip"], "203.0.113.6");
  EXPECT_EQ(object["websocket"]["server_frames"], 2);
  EXPECT_EQ(object["lossy"], true);
}

TEST(SummaryJsonTest, WhatIsNotThereIsNull) {
  const Json object = Json::parse(json_of(inspect::Summary{}));
  for (const char* name : {"tls", "sni", "alpn", "ja4", "status", "grpc_status", "user_agent", "session", "proxied_ip",
                           "host", "service", "account", "websocket"}) {
    EXPECT_TRUE(object[name].is_null()) << name;
  }
  EXPECT_EQ(object["query_keys"], Json::array());
  EXPECT_EQ(object["duration_ms"], 0);
}

// Whatever a client sends: valid JSON on one line, nothing that steers a terminal.
TEST(SummaryJsonTest, SaysWhatItIsWhereAsked) {
  inspect::Summary summary;
  std::string text;
  SummaryJson(true).append(text, summary);
  EXPECT_EQ(Json::parse(text)["kind"], "request");
  EXPECT_TRUE(Json::parse(text).contains("path"));
  text.clear();
  summary.kind = inspect::SummaryKind::kHandshake;
  summary.service = "web";
  summary.duration = std::chrono::seconds(10);
  SummaryJson(true).append(text, summary);
  const Json document = Json::parse(text);
  EXPECT_EQ(document["kind"], "handshake");
  EXPECT_EQ(document["service"], "web");
  EXPECT_EQ(document["duration_ms"], 10000);
  EXPECT_FALSE(document.contains("path"));
}

TEST(RequestViewTest, ShowsEventsWhereAsked) {
  inspect::Summary summary;
  const auto lines = [&](bool events) {
    std::ostringstream out;
    const auto view = make_request_view(out, Style(false), Format::kJson, events, {});
    for (const auto kind :
         {inspect::SummaryKind::kStalled, inspect::SummaryKind::kRequest, inspect::SummaryKind::kHandshake}) {
      summary.kind = kind;
      view->add(summary);
    }
    view->flush();
    const std::string text = out.str();
    return std::ranges::count(text, '\n');
  };
  EXPECT_EQ(lines(false), 1);
  EXPECT_EQ(lines(true), 3);
}

TEST(SummaryJsonTest, HostileTextIsHarmless) {
  inspect::Summary summary;
  summary.path = std::string("/\"\\\n\r\t\x1b[2J\x7f\xff\xc0\x80\xe2\x80\xae\0end", 25);
  summary.user_agent = "\xf0\x9f\x98\x80 \xed\xa0\x80";
  summary.query_keys = {std::string(1, '\0'), "ok"};
  const std::string text = json_of(summary);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
  EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae")));
  const Json object = Json::parse(text);
  EXPECT_THAT(object["path"].get<std::string>(), HasSubstr("/\"\\\n\r\t\x1b[2J"));
  EXPECT_THAT(object["user_agent"].get<std::string>(), HasSubstr("\xf0\x9f\x98\x80"));
  EXPECT_THAT(object["user_agent"].get<std::string>(), HasSubstr("\xef\xbf\xbd"));
}

TEST(SummaryJsonTest, EveryByteGivesTheSameTextAsTheLibrary) {
  for (int c = 1; c < 256; ++c) {
    std::string text;
    append_json_string(text, std::string("a") + static_cast<char>(c) + "b");
    EXPECT_EQ(
        Json::parse(text).get<std::string>(),
        Json::parse(
            Json(std::string("a") + static_cast<char>(c) + "b").dump(-1, ' ', false, Json::error_handler_t::replace))
            .get<std::string>())
        << c;
  }
}

TEST(InspectStatistics, TotalsComeFirst) {
  inspect::Counters counters;
  counters.add(inspect::Counter::kConnections, 7);
  counters.add(inspect::Counter::kNoKey, 2);
  const Json object = statistics_of(counters);
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  names.resize(8);
  EXPECT_EQ(names, (std::vector<std::string>{"connections", "decrypted", "no_key", "unsupported_cipher", "mid_stream",
                                             "lossy", "requests", "bytes"}));
  EXPECT_EQ(object["connections"], 7);
  EXPECT_EQ(blindness_of(counters), "2 TLS connections without keys");
  EXPECT_EQ(blindness_of({}), "");
  counters = {};
  counters.add(inspect::Counter::kPayloadsDropped, 3);
  counters.add(inspect::Counter::kPayloadsFailed);
  EXPECT_EQ(blindness_of(counters), "3 payloads not examined; 1 payload whose examination broke off");
}

using InspectCommand = WithInspector;

TEST_F(InspectCommand, OneObjectForEachRequestThenTotals) {
  const Ran ran = run({"inspect", "--pcap", capture(), "--stats"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  const auto lines = lines_of(ran.out);
  ASSERT_EQ(lines.size(), 3U) << ran.out;
  EXPECT_EQ(lines[0]["path"], "/orders/17");
  EXPECT_EQ(lines[0]["query_keys"], Json{"a"});
  EXPECT_EQ(lines[0]["status"], 200);
  EXPECT_TRUE(lines[0]["session"].is_null());
  EXPECT_EQ(lines[1]["method"], "POST");
  EXPECT_EQ(lines[1]["status"], 401);
  EXPECT_EQ(lines[2]["requests"], 2);
  EXPECT_EQ(lines[2]["connections"], 1);
  EXPECT_THAT(ran.out, Not(HasSubstr("hidden")));
  EXPECT_EQ(ran.err, "");
}

TEST_F(InspectCommand, WhatComesFromElsewhereIsNoPause) {
  std::array<int, 2> capture{};
  std::array<int, 2> other{};
  ASSERT_EQ(pipe2(capture.data(), O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(other.data(), O_CLOEXEC), 0);
  const std::array<UniqueFd, 3> ends{UniqueFd(capture[1]), UniqueFd(other[0]), UniqueFd(other[1])};
  ASSERT_EQ(::write(ends[2].get(), "x", 1), 1);
  std::ostringstream text;
  std::istringstream none;
  const Environment environment{
      .in = none,
      .out = text,
      .err = text,
      .variable = [this](const std::string& name) { return std::optional(run.variables[name]); },
      .clock = system_clock(),
      .interrupted = run.interrupted};
  auto inspector = Inspector::start(environment, {}, {.name = "pipe", .fd = UniqueFd(capture[0])}, {}, {});
  ASSERT_TRUE(inspector);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(inspector->next(ends[1].get())->pause);
  const auto paused = [&] {
    const auto heard = inspector->next();
    return !heard || heard->pause;
  };
  while (!paused()) {
  }
}

TEST_F(InspectCommand, OtherForms) {
  const std::string file = capture();
  Ran ran = run({"inspect", "--pcap", file, "-o", "yaml"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_THAT(ran.out, HasSubstr("---\ntime: "));
  EXPECT_THAT(ran.out, HasSubstr("path: /orders/17\n"));
  ran = run({"inspect", "--pcap", file, "-o", "table", "--stats"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_THAT(ran.out, HasSubstr("METHOD"));
  EXPECT_THAT(ran.out, HasSubstr("/orders/17"));
  EXPECT_THAT(ran.out, HasSubstr("requests: 2\n"));
  run.terminal = true;
  EXPECT_THAT(run({"inspect", "--pcap", file}).out, HasSubstr("METHOD")) << "a table is for eyes";
}

TEST_F(InspectCommand, APolicySaysWhoIsWho) {
  const std::string policy = write("policy.yaml", std::string("version: 1\n"
                                                              "interfaces: [{name: eth0}]\n"
                                                              "services:\n"
                                                              "  - name: web\n"
                                                              "    match: [tcp/443]\n"
                                                              "    tls: {inspect: true}\n"
                                                              "    session: {cookie: sid}\n"));
  const Ran ran = run({"inspect", "--pcap", capture(), "--policy", policy});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  const auto lines = lines_of(ran.out);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["service"], "web");
  EXPECT_EQ(lines[0]["session"].get<std::string>().size(), 32U);
  EXPECT_EQ(lines[0]["session"], lines[1]["session"]);
  const Ran wrong = run({"inspect", "--pcap", capture(), "--policy", write("bad.yaml", std::string("version: 2\n"))});
  EXPECT_EQ(wrong.exit, 1);
  EXPECT_THAT(wrong.err, HasSubstr("bad.yaml:1:"));
}

TEST_F(InspectCommand, EachRefusalIsOneLine) {
  const std::string good = capture();
  const std::string text = write("text", std::string("this is no capture and no key log either\n"));
  const auto refused = [&](const std::vector<std::string>& words, int exit, const std::string& what) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.exit, exit) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(what));
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
    EXPECT_EQ(ran.out, "");
  };
  refused({"inspect", "--pcap", "/nonexistent.pcap"}, 1, "cannot open capture /nonexistent.pcap: No such file");
  refused({"inspect", "--pcap", good, "--keylog", "/nonexistent.log"}, 1, "cannot open key log /nonexistent.log");
  refused({"inspect", "--pcap", agent.directory()}, 1, "is a directory");
  refused({"inspect", "--pcap", text}, 1, text);
  refused({"inspect", "--pcap", good, "--keylog", text}, 1, text + ": is no key log");
  refused({"inspect"}, 2, "--pcap");
  const auto radio = write("radio.pcap", [&] {
    auto bytes = tidegate::test::to_pcap({});
    bytes[20] = std::byte{127};
    return bytes;
  }());
  refused({"inspect", "--pcap", radio}, 1, radio);
}

TEST_F(InspectCommand, WhatPrecedesTheDamageIsShown) {
  auto bytes = tidegate::test::to_pcap(tidegate::test::to_frames(two_requests().segments()));
  bytes.resize(bytes.size() - 5);
  const std::string path = write("cut.pcap", bytes);
  const Ran ran = run({"inspect", "--pcap", path});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(lines_of(ran.out).size(), 2U);
  EXPECT_THAT(ran.err, HasSubstr(path + ": "));
}

// Its packets are sound, and nothing else would tell why its connections have no keys.
TEST_F(InspectCommand, DamagedSecretsAreSaid) {
  auto bytes = tidegate::test::to_pcapng(tidegate::test::to_frames(two_requests().segments()), "CLIENT_RANDOM aa bb\n");
  bytes[73] = std::byte{1};
  const std::string path = write("damaged.pcapng", bytes);
  const std::string said = ": capture file damaged at offset 60: secrets longer than their block; secrets behind it";
  const Ran ran = run({"inspect", "--pcap", path});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(lines_of(ran.out).size(), 2U);
  EXPECT_THAT(ran.err, HasSubstr(path + said));
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  ASSERT_EQ(::write(in.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  in.reset();
  const Ran piped = run({"inspect", "--pcap", "/dev/fd/" + std::to_string(out.get())});
  EXPECT_EQ(lines_of(piped.out).size(), 2U);
  EXPECT_THAT(piped.err, HasSubstr(said));
}

TEST_F(InspectCommand, AnInspectorThatDiesOrIsMissingIsSaid) {
  run.variables["TIDEGATE_INSPECTOR"] = "/bin/false";
  Ran ran = run({"inspect", "--pcap", capture()});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("ended with status 1"));
  run.variables["TIDEGATE_INSPECTOR"] = "/nonexistent";
  ran = run({"inspect", "--pcap", capture()});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("/nonexistent"));
}

// What it says is not believed, whatever it is, before it has said that it is where it should be.
TEST_F(InspectCommand, AnInspectorOutsideItsSandboxIsRefused) {
  namespace wire = inspect::wire;
  wire::Ready no_filter = confined();
  no_filter.filter = false;
  wire::Ready privileged = confined();
  privileged.no_capabilities = false;
  wire::Ready dumpable = confined();
  dumpable.no_dump = false;
  const std::string finished = say(wire::Finished{});
  for (const std::string& then :
       {finished, say(no_filter) + finished, say(privileged) + finished, say(dumpable) + finished}) {
    run.variables["TIDEGATE_INSPECTOR"] = program("inspector", then + "time.sleep(60)\n");
    const Ran ran = run({"inspect", "--pcap", capture()});
    EXPECT_EQ(ran.exit, 1) << then;
    EXPECT_THAT(ran.err, HasSubstr("tidegate-inspector is not in its sandbox"));
  }
  run.variables["TIDEGATE_INSPECTOR"] = program("inspector", say(confined()) + finished + "time.sleep(60)\n");
  EXPECT_EQ(run({"inspect", "--pcap", capture()}).exit, 0);
}

TEST_F(InspectCommand, BlindnessIsSaid) {
  tidegate::test::TcpScript script;
  script.handshake().client("SSH-2.0-client\r\n").server("SSH-2.0-server\r\n").close();
  const std::string path = write("ssh.pcap", tidegate::test::to_pcap(tidegate::test::to_frames(script.segments())));
  const Ran ran = run({"inspect", "--pcap", path});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_THAT(ran.err, HasSubstr("1 connection that is not HTTP"));
}

}  // namespace
}  // namespace tidegate::cli::test
