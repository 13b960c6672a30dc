// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect/examiner.hpp"

#include <poll.h>

#include <algorithm>

#include "agent/inspect/wire/summary_codec.hpp"

namespace tidegate::cli {
namespace {

namespace wire = inspect::wire;
using inspect::Counter;

constexpr SandboxedProgram kExaminer{"tidegate-payload", "TIDEGATE_PAYLOAD", "../agent/payload", "examines payloads"};
constexpr int kPollMs = 100;  // ms, then it is looked whether the user still waits
// That nobody asked for yet: behind a request that does not end, as many wait at most, and what is on its way.
constexpr std::size_t kMostVerdicts = 2'000'000;
constexpr int kAtOnce = 64;  // messages, then it is looked what else there is
constexpr const char* kUnreadable = "tidegate-payload sent what cannot be read; is it of this version?";

}  // namespace

Outcome<Examiner> Examiner::start(const Environment& environment, const std::string& rules, UniqueFd payloads,
                                  std::chrono::nanoseconds silence) {
  TIDEGATE_ASSIGN(Sandboxed process, Sandboxed::start(environment, kExaminer, {payloads.get()}));
  const wire::Start start{.mode = wire::Start::Mode::kExamineOffline, .payloads = true, .rules = rules};
  const bool begun = process.send(wire::encode(wire::ToInspector(start))).has_value();
  Examiner examiner(environment, std::move(process), silence);
  if (!begun) return refuse(examiner.process_.died());
  return examiner;
}

void Examiner::give_up(std::string why) {
  problem_ = std::move(why);
  process_.kill();
}

void Examiner::take(const wire::Summaries& summaries) {
  inspect::Summary summary;
  wire::SummaryReader reader(summaries.records);
  while (reader.next(summary)) {
    if (summary.sequence <= last_ || verdicts_.size() >= kMostVerdicts) return give_up(kUnreadable);
    last_ = summary.sequence;
    verdicts_.emplace_back(summary.sequence, summary.attacks);
    ++told_;
    found_ += summary.attacks != 0 ? 1 : 0;
  }
  if (!reader.complete()) give_up(kUnreadable);
}

void Examiner::take(const wire::ToAgent& message) {
  if (const auto* statistics = std::get_if<wire::Statistics>(&message)) {
    totals_ = statistics->counters;
    return;  // says nothing of what is waited for
  }
  heard_ = environment_.clock.monotonic();
  if (const auto* summaries = std::get_if<wire::Summaries>(&message)) return take(*summaries);
  began_ |= std::holds_alternative<wire::Ready>(message);
  if (const auto* finished = std::get_if<wire::Finished>(&message)) {
    totals_ = finished->statistics.counters;
    finished_ = true;
  }
  const auto* problem = std::get_if<wire::Problem>(&message);
  if (problem != nullptr && problem->fatal) give_up(problem->text);
}

void Examiner::hear() {
  for (int heard = 0; heard < kAtOnce && listening(); ++heard) {
    const auto message = process_.take();
    if (!message) {
      const ErrorCode code = message.error().code;
      if (code == ErrorCode::kFailedPrecondition) return give_up(message.error().message);
      return give_up(code == ErrorCode::kUnavailable ? process_.died() : kUnreadable);
    }
    if (!*message) return;
    take(**message);
  }
}

// False: nothing is to be waited for.
bool Examiner::wait(MonotonicTime since) {
  if (!listening() || environment_.interrupted) return false;
  pollfd source{process_.fd(), POLLIN, 0};
  poll(&source, 1, kPollMs);
  hear();
  if (listening() && environment_.clock.monotonic() - std::max(since, heard_) > silence_) {
    give_up("tidegate-payload did not answer any more and was killed");
  }
  return true;
}

std::optional<std::uint8_t> Examiner::known(std::uint64_t sequence) {
  while (!verdicts_.empty() && verdicts_.front().first < sequence) verdicts_.pop_front();
  if (verdicts_.empty()) return std::nullopt;
  if (verdicts_.front().first == sequence) return verdicts_.front().second;
  if (problem_.empty()) give_up("tidegate-payload left a payload out");
  return std::nullopt;
}

std::uint8_t Examiner::verdict(std::uint64_t sequence) {
  const MonotonicTime since = environment_.clock.monotonic();
  do {
    if (const auto verdict = known(sequence)) return *verdict;
  } while (wait(since));
  ++missing_;
  return 0;
}

void Examiner::finish() {
  if (!listening()) return;
  if (const auto asked = process_.send(wire::encode(wire::ToInspector(wire::Stop{}))); !asked) return hear();
  const MonotonicTime since = environment_.clock.monotonic();
  while (wait(since)) {
  }
}

void Examiner::add_to(inspect::Counters& counters) const {
  const std::uint64_t failed = std::min(totals_.of(Counter::kPayloadsFailed), told_);
  counters.add(Counter::kPayloadsExamined, told_ - failed);
  counters.add(Counter::kPayloadsFound, found_);
  counters.add(Counter::kPayloadsFailed, failed);
  counters.add(Counter::kPayloadsSlow, std::min(totals_.of(Counter::kPayloadsSlow), told_));
  counters.add(Counter::kPayloadsDropped, missing_);
}

}  // namespace tidegate::cli
