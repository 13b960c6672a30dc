// SPDX-License-Identifier: Apache-2.0
// What becomes of a command when its examiner dies, hangs, or says what makes no sense.
#include "cli/inspect/examiner.hpp"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <chrono>

#include "agent/inspect/wire/summary_codec.hpp"
#include "tests/unit/cli/examined_capture.hpp"

namespace tidegate::cli::test {
namespace {

namespace wire = inspect::wire;
using inspect::Counter;
using ::testing::HasSubstr;
using Message = std::vector<std::byte>;

class ExaminerProcess : public ExaminedCapture {
 protected:
  // In place of the examiner: a program that takes Start, says that it is ready, and does what `then` says in Python.
  // `channel` and `payloads` are its sockets.
  void play(const std::string& then) { play_all(say(confined()) + then); }
  void play_all(const std::string& what) {
    run.variables["TIDEGATE_PAYLOAD"] = program("examiner", "payloads = socket.socket(fileno=4)\n" + what);
  }
  // Of each an attack.
  static Message verdicts(const std::vector<std::uint64_t>& sequences) {
    wire::SummaryBatch batch;
    for (const std::uint64_t sequence : sequences) {
      inspect::Summary summary;
      summary.kind = inspect::SummaryKind::kPayload;
      summary.sequence = sequence;
      summary.attacks = inspect::kAttackSql;
      batch.add(summary);
    }
    return {batch.message().begin(), batch.message().end()};
  }
  // The one that the variable names; `payloads_` is where the inspector would send into.
  Examiner start(std::chrono::nanoseconds silence = Examiner::kSilence) {
    auto ends = wire::Channel::pair();
    payloads_ = std::move(ends->first);
    auto examiner =
        Examiner::start(environment_, config::InspectSettings().payload_rules, std::move(ends->second), silence);
    if (!examiner) throw std::runtime_error(examiner.error().message);
    return std::move(*examiner);
  }
  // Its patience begins when it runs, on a busy host too.
  static void begin(Examiner& examiner) {
    while (!examiner.began() && examiner.problem().empty()) hear(examiner);
    EXPECT_TRUE(examiner.began()) << examiner.problem();
  }
  static void hear(Examiner& examiner, int most_ms = 10'000) {
    pollfd source{examiner.fd(), POLLIN, 0};
    poll(&source, 1, most_ms);
    examiner.hear();
  }
  std::string problem_of(const std::string& then) {
    play(then);
    Examiner examiner = start();
    EXPECT_EQ(examiner.verdict(1), 0);
    EXPECT_TRUE(examiner.began());
    EXPECT_EQ(examiner.fd(), -1);
    return examiner.problem();
  }

  UniqueFd payloads_;
  std::ostringstream text_;
  std::istringstream none_;
  Environment environment_{.in = none_,
                           .out = text_,
                           .err = text_,
                           .variable = [this](const std::string& name) { return std::optional(run.variables[name]); },
                           .clock = system_clock(),
                           .interrupted = run.interrupted};
};

constexpr const char* kForEver = "time.sleep(60)\n";

TEST_F(ExaminerProcess, IsRefusedOutsideItsSandbox) {
  const std::string found = say(verdicts({1}));
  for (const std::string& what : {found, say(wire::Ready{}) + found}) {
    play_all(what + "time.sleep(60)\n");
    Examiner examiner = start();
    EXPECT_EQ(examiner.verdict(1), 0);
    EXPECT_THAT(examiner.problem(), HasSubstr("tidegate-payload is not in its sandbox"));
    EXPECT_FALSE(examiner.began());
  }
}

TEST_F(ExaminerProcess, OneThatDiesBetweenVerdictsMakesTheCommandFail) {
  const std::string file = capture_of(8);
  play("payloads.recv(65536), payloads.recv(65536)\n" + say(verdicts({2, 4})) +
       "os.kill(os.getpid(), signal.SIGKILL)\n");
  const Ran shown = events(file);
  EXPECT_EQ(shown.exit, 1);
  EXPECT_EQ(lines_of(shown.out).size(), 8U + 2 + 1) << shown.out;
  EXPECT_THAT(shown.out,
              HasSubstr(R"("payloads_examined":2,"payloads_found":2,"payloads_cut":0,"payloads_dropped":6)"));
  EXPECT_THAT(shown.err, HasSubstr("6 payloads not examined"));
  EXPECT_THAT(shown.err, HasSubstr("not all payloads were examined: tidegate-payload was killed by signal 9"));
  const Ran tested = test(file, policy("{attack: sqli}"));
  EXPECT_EQ(tested.exit, 1);
  EXPECT_THAT(tested.err, HasSubstr("not all payloads were examined: "));
}

// More than its socket holds: the inspector waits until there is room, or until the examiner is no more.
TEST_F(ExaminerProcess, OneThatCannotBeUnderstoodIsNotWaitedFor) {
  const std::string file = capture_of(9000);
  play("channel.send(b'\\xff\\xff')\n" + std::string(kForEver));
  const auto began = std::chrono::steady_clock::now();
  const Ran ran = events(file);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(40));
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("not all payloads were examined: tidegate-payload sent what cannot be read"));
}

TEST_F(ExaminerProcess, OneThatGivesNoVerdictIsKilled) {
  play("while True:\n time.sleep(0.02)\n " + say(wire::encode(wire::ToAgent(wire::Statistics{}))));
  Examiner examiner = start(std::chrono::milliseconds(300));
  begin(examiner);
  EXPECT_EQ(examiner.verdict(1), 0);
  EXPECT_THAT(examiner.problem(), HasSubstr("did not answer"));
  play(say(verdicts({1})) + kForEver);
  Examiner endless = start(std::chrono::milliseconds(300));
  begin(endless);
  hear(endless, 500);
  EXPECT_EQ(endless.verdict(1), inspect::kAttackSql);
  endless.finish();
  EXPECT_THAT(endless.problem(), HasSubstr("did not answer")) << "nor are its totals waited for";
}

TEST_F(ExaminerProcess, VerdictsThatMakeNoSenseEndIt) {
  Message cut = verdicts({1});
  cut.pop_back();
  EXPECT_THAT(problem_of(say(cut) + kForEver), HasSubstr("cannot be read"));
  EXPECT_THAT(problem_of(say(verdicts({3})) + kForEver), HasSubstr("left a payload out"));
  play(say(verdicts({1, 3, 2})) + kForEver);
  Examiner examiner = start();
  EXPECT_EQ(examiner.verdict(1), inspect::kAttackSql);
  EXPECT_EQ(examiner.verdict(4), 0);
  EXPECT_THAT(examiner.problem(), HasSubstr("cannot be read")) << "none comes twice or late";
}

TEST_F(ExaminerProcess, TotalsAreTakenAtTheEnd) {
  wire::Finished finished;
  finished.statistics.counters.add(Counter::kPayloadsFailed);
  finished.statistics.counters.add(Counter::kPayloadsSlow, 2);
  finished.statistics.counters.add(Counter::kRequests, 1'000'000);
  play(say(verdicts({1, 2, 3})) + "channel.recv(65536)\n" + say(wire::encode(wire::ToAgent(finished))) + kForEver);
  Examiner examiner = start();
  for (const std::uint64_t i : {1, 2, 3}) EXPECT_EQ(examiner.verdict(i), inspect::kAttackSql);
  examiner.finish();
  EXPECT_EQ(examiner.problem(), "");
  inspect::Counters counters;
  examiner.add_to(counters);
  EXPECT_EQ(counters.of(Counter::kPayloadsExamined), 2U);
  EXPECT_EQ(counters.of(Counter::kPayloadsFailed), 1U);
  EXPECT_EQ(counters.of(Counter::kPayloadsSlow), 2U);
  EXPECT_EQ(counters.of(Counter::kPayloadsFound), 3U);
  EXPECT_EQ(counters.of(Counter::kRequests), 0U) << "that is not for it to say";
}

// The real one.
TEST_F(ExaminerProcess, APayloadThatCannotBeReadEndsItWithACause) {
  for (const std::size_t size : {std::size_t{2}, wire::kMostBytes + 1}) {
    Examiner examiner = start();
    const Message payload(size);
    ASSERT_EQ(::send(payloads_.get(), payload.data(), payload.size(), MSG_NOSIGNAL), static_cast<ssize_t>(size));
    EXPECT_EQ(examiner.verdict(1), 0);
    EXPECT_THAT(examiner.problem(), HasSubstr("was handed what it cannot read")) << size;
  }
}

// Its input is at its end while the command still has verdicts to ask for. Who has work to do gives no processor back,
// however busy others keep the host.
TEST_F(ExaminerProcess, AtTheEndOfItsInputItWaitsWithoutWork) {
  const auto rests = [] {
    rusage children{};
    getrusage(RUSAGE_CHILDREN, &children);
    return children.ru_nvcsw;
  };
  const long before = rests();
  {
    Examiner examiner = start(std::chrono::seconds(1));
    payloads_.reset();
    begin(examiner);
    EXPECT_EQ(examiner.verdict(1), 0);
  }
  EXPECT_GE(rests() - before, 4) << "ten times a second";
}

}  // namespace
}  // namespace tidegate::cli::test
