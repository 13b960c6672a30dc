// SPDX-License-Identifier: Apache-2.0
// Captures whose payloads are examined by the real examiner in its sandbox.
#include <gmock/gmock.h>

#include "tests/unit/cli/examined_capture.hpp"

namespace tidegate::cli::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(ExaminedCapture, RulesSeeTheAttacksOfEveryRequest) {
  const Ran few = test(capture_of(8), policy());
  EXPECT_EQ(few.exit, 0) << few.err;
  const Json findings = Json::parse(few.out);
  ASSERT_EQ(findings.size(), 1U) << few.out;
  EXPECT_EQ(findings[0]["rule"], "injection");
  EXPECT_EQ(Json::parse(test(capture_of(7), policy()).out).size(), 0U) << "two are not enough";
  EXPECT_EQ(few.out, test(capture_of(8), policy()).out) << "again the same";
}

// More than fits into what lies between the three processes, and all wait for one that does not end: none of the three
// may wait for another for ever.
TEST_F(ExaminedCapture, ManyPayloadsAllGetTheirVerdict) {
  constexpr int kMany = 9000;
  const Ran ran = events(capture_of(kMany, unanswered()));
  ASSERT_EQ(ran.exit, 0) << ran.err;
  std::size_t found = 0;
  std::string before;
  for (const Json& one : lines_of(ran.out)) {
    if (!one.contains("kind")) break;
    if (one["kind"] == "payload") {
      ++found;
      EXPECT_EQ(one["attacks"], Json::array({"sqli"}));
      EXPECT_EQ(before, "request") << "none begins before it ends: right behind its request";
    }
    before = one["kind"];
  }
  EXPECT_EQ(found, kMany / 3U);
}

TEST_F(ExaminedCapture, StoredAttacksGiveTheSameFindings) {
  const std::string file = capture_of(20);
  const Ran stored = events(file);
  EXPECT_THAT(stored.out, HasSubstr(R"("payloads_examined":20,"payloads_found":7)"));
  EXPECT_THAT(stored.out, Not(HasSubstr("UNION")));
  const std::string requests = write("requests.jsonl", stored.out);
  EXPECT_EQ(run({"rules", "test", "--summaries", requests, "--policy", policy(), "-o", "json"}).out,
            test(file, policy()).out);
}

// An examination takes a millisecond: only who asks for it waits for it.
TEST_F(ExaminedCapture, NothingIsExaminedThatNobodyAsksFor) {
  run.variables["TIDEGATE_PAYLOAD"] = "/nonexistent";
  const std::string file = capture_of(8);
  EXPECT_THAT(run({"inspect", "--pcap", file, "--policy", policy(), "-o", "json"}).err, Not(HasSubstr("payloads")));
  EXPECT_THAT(test(file, policy("{method: GET}")).err, Not(HasSubstr("payloads")));
}

// Two that overlap: what was found takes its turn when its request ends, and the other one had begun.
TEST_F(ExaminedCapture, RequestsThatOverlapGiveTheSameFindingsStoredAndRead) {
  constexpr int kPairs = 3;
  std::vector<tidegate::test::OwnedSegment> segments;
  for (int i = 0; i < 2 * kPairs; ++i) {
    const bool second = i % 2 == 1;
    tidegate::test::TcpScriptOptions options;
    options.flow.client.port = static_cast<std::uint16_t>(41000 + i);
    options.start += std::chrono::seconds(i / 2) + std::chrono::milliseconds(second ? 5 : 0);
    tidegate::test::TcpScript script(options);
    script.handshake().client(std::string(second ? kHarmless : kAttack) + kRest).wait(std::chrono::milliseconds(20));
    script.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").close();
    std::ranges::move(script.segments(), std::back_inserter(segments));
  }
  std::ranges::stable_sort(segments, {}, [](const auto& segment) { return segment.head.time; });
  const std::string file = write("overlap.pcap", tidegate::test::to_pcap(tidegate::test::to_frames(segments)));
  const Ran stored = events(file);
  std::string kinds;
  for (const Json& one : lines_of(stored.out)) kinds += one.contains("kind") ? one["kind"].get<std::string>()[0] : ' ';
  EXPECT_EQ(kinds, "rrprrprrp ") << "request, request, payload of the first";
  const Ran read = test(file, policy());
  EXPECT_EQ(Json::parse(read.out).size(), 1U) << read.out;
  const std::string requests = write("requests.jsonl", stored.out);
  EXPECT_EQ(run({"rules", "test", "--summaries", requests, "--policy", policy(), "-o", "json"}).out, read.out);
}

TEST_F(ExaminedCapture, WhatWasNotExaminedWhollyIsSaid) {
  tidegate::test::TcpScript script;
  std::string body = "x=";
  while (body.size() < 30'000) body += "${";  // keeps a rule busy until it is given up, and is longer than is kept
  script.handshake().client(
      "POST / HTTP/1.1\r\nHost: www.example.org\r\nContent-Type: "
      "application/x-www-form-urlencoded\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body);
  script.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").close();
  const Ran ran = events(write("busy.pcap", tidegate::test::to_pcap(tidegate::test::to_frames(script.segments()))));
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr(R"("payloads_cut":1,"payloads_dropped":0,"payloads_failed":0,"payloads_slow":1)"));
  EXPECT_THAT(ran.err, HasSubstr("not everything was seen: 1 payload examined in part only; 1 payload whose "
                                 "examination took too long and was given up"));
}

// Findings without it are not the result; requests are, and say themselves that nothing was found in them.
TEST_F(ExaminedCapture, AnExaminerThatCannotBeginIsSaidAndTheRestIsRead) {
  const std::string file = capture_of(8);
  for (const auto& [program, why] : {std::pair("/nonexistent", "cannot start /nonexistent"),
                                     std::pair("/bin/false", "tidegate-payload ended with status 1")}) {
    run.variables["TIDEGATE_PAYLOAD"] = program;
    const Ran shown = events(file);
    EXPECT_EQ(shown.exit, 0);
    EXPECT_EQ(lines_of(shown.out).size(), 9U);
    EXPECT_THAT(shown.err, HasSubstr("no payloads were examined: " + std::string(why)));
    const Ran tested = test(file, policy());
    EXPECT_EQ(tested.exit, 1);
    EXPECT_EQ(Json::parse(tested.out).size(), 0U);
    EXPECT_THAT(tested.err, HasSubstr("no payloads were examined: " + std::string(why)));
  }
}

TEST_F(ExaminedCapture, RulesThatAreNotThereAreSaid) {
  const std::string file = capture_of(8);
  Ran ran = run({"rules", "test", "--pcap", file, "--policy", policy(), "--payload-rules", "/nowhere"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("no payloads were examined: "));
  EXPECT_THAT(ran.err, HasSubstr("/nowhere"));
  EXPECT_THAT(ran.err, HasSubstr("modsecurity-crs"));
  ran = run({"rules", "test", "--summaries", file, "--policy", policy(), "--payload-rules", "/nowhere"});
  EXPECT_EQ(ran.exit, 2);
  EXPECT_THAT(ran.err, HasSubstr("--payload-rules goes with --pcap"));
}

}  // namespace
}  // namespace tidegate::cli::test
