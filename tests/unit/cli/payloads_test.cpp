// SPDX-License-Identifier: Apache-2.0
// Captures whose payloads are examined by the real examiner in its sandbox.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "agent/config/settings.hpp"
#include "tests/unit/cli/with_inspector.hpp"

namespace tidegate::cli::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kAttack = "GET /search?q=1%27%20UNION%20SELECT%20name,pass%20FROM%20users--%20 HTTP/1.1\r\n";
constexpr const char* kHarmless = "GET /search?q=shoes HTTP/1.1\r\n";
constexpr const char* kRest = "Host: www.example.org\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n";

class ExaminedCapture : public WithInspector {
 protected:
  void SetUp() override {
    WithInspector::SetUp();
    if (IsSkipped()) return;
#ifndef TIDEGATE_PAYLOAD
    GTEST_SKIP() << "built without libmodsecurity";
#else
    if (!std::filesystem::exists(config::InspectSettings().payload_rules))
      GTEST_SKIP() << "the OWASP Core Rule Set is not installed";
    run.variables["TIDEGATE_PAYLOAD"] = TIDEGATE_PAYLOAD;
#endif
  }
  // A request that is never answered, before all others.
  static std::vector<tidegate::test::OwnedSegment> unanswered() {
    tidegate::test::TcpScriptOptions options;
    options.flow.client.port = 40001;
    options.start -= std::chrono::seconds(1);
    tidegate::test::TcpScript script(options);
    return script.handshake().client(std::string(kHarmless) + kRest).segments();
  }
  // Every third request attacks, the first does not.
  std::string capture_of(int requests, std::vector<tidegate::test::OwnedSegment> before = {}) {
    tidegate::test::TcpScript script;
    script.handshake();
    for (int i = 0; i < requests; ++i) {
      script.client(std::string(i % 3 == 1 ? kAttack : kHarmless) + kRest);
      script.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    script.close();
    std::ranges::move(script.segments(), std::back_inserter(before));
    return write("attacks.pcap", tidegate::test::to_pcap(tidegate::test::to_frames(before)));
  }
  // A sample that would as good as never see all.
  std::string policy(const std::string& match = "{attack: sqli}") {
    return write("rules.yaml",
                 "version: 1\ninterfaces: [{name: eth0}]\nservices: [{name: web, match: [tcp/443], http: {inspect: "
                 "true}, payloads: {sample: 0.01}}]\nrules: [{name: injection, match: " +
                     match + ", when: {count: 3, within: 10m}, then: {action: block, for: 1h}}]\n");
  }
  Ran test(const std::string& file, const std::string& rules) {
    return run({"rules", "test", "--pcap", file, "--policy", rules, "-o", "json"});
  }
};

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
  const Ran ran =
      run({"inspect", "--pcap", capture_of(kMany, unanswered()), "--policy", policy(), "--events", "-o", "json"});
  ASSERT_EQ(ran.exit, 0) << ran.err;
  std::size_t found = 0;
  std::string before;
  for (const Json& one : lines_of(ran.out)) {
    if (one["kind"] == "payload") {
      ++found;
      EXPECT_EQ(one["attacks"], Json::array({"sqli"}));
      EXPECT_EQ(before, "request") << "right behind its request";
    }
    before = one["kind"];
  }
  EXPECT_EQ(found, kMany / 3U);
}

TEST_F(ExaminedCapture, StoredAttacksGiveTheSameFindings) {
  const std::string file = capture_of(20);
  const Ran stored = run({"inspect", "--pcap", file, "--policy", policy(), "--events", "-o", "json", "--stats"});
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

TEST_F(ExaminedCapture, AnExaminerThatIsMissingOrDiesIsSaidAndTheRestIsRead) {
  const std::string file = capture_of(8);
  const std::vector<std::string> command{"inspect", "--pcap", file, "--policy", policy(), "--events", "-o", "json"};
  run.variables["TIDEGATE_PAYLOAD"] = "/nonexistent";
  Ran ran = run(command);
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(lines_of(ran.out).size(), 8U);
  EXPECT_THAT(ran.err, HasSubstr("payloads are not examined: cannot start /nonexistent"));
  run.variables["TIDEGATE_PAYLOAD"] = "/bin/false";
  ran = run(command);
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(lines_of(ran.out).size(), 8U);
  EXPECT_THAT(ran.err, HasSubstr("examined: tidegate-payload ended with status 1"));
}

TEST_F(ExaminedCapture, RulesThatAreNotThereAreSaid) {
  const Ran ran = run({"rules", "test", "--pcap", capture_of(8), "--policy", policy(), "--payload-rules", "/nowhere"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_THAT(ran.err, HasSubstr("payloads were not all examined: "));
  EXPECT_THAT(ran.err, HasSubstr("/nowhere"));
  EXPECT_THAT(ran.err, HasSubstr("modsecurity-crs"));
}

}  // namespace
}  // namespace tidegate::cli::test
