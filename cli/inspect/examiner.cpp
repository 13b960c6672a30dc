// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect/examiner.hpp"

#include <poll.h>

#include "agent/inspect/wire/summary_codec.hpp"

namespace tidegate::cli {
namespace {

namespace wire = inspect::wire;

constexpr SandboxedProgram kExaminer{"tidegate-payload", "TIDEGATE_PAYLOAD", "../agent/payload", "examines payloads"};
constexpr int kPatience = 100;  // ms, then it is looked whether the user still waits

}  // namespace

Outcome<Examiner> Examiner::start(const Environment& environment, const std::string& rules, UniqueFd payloads) {
  TIDEGATE_ASSIGN(Sandboxed process, Sandboxed::start(environment, kExaminer, {payloads.get()}));
  const wire::Start start{.mode = wire::Start::Mode::kExamineOffline, .payloads = true, .rules = rules};
  const bool begun = process.send(wire::encode(wire::ToInspector(start))).has_value();
  Examiner examiner(environment, std::move(process));
  if (!begun) return refuse(examiner.process_.died());
  return examiner;
}

void Examiner::take(const wire::ToAgent& message) {
  if (const auto* problem = std::get_if<wire::Problem>(&message); problem != nullptr && problem->fatal) {
    problem_ = problem->text;
  }
  const auto* summaries = std::get_if<wire::Summaries>(&message);
  if (summaries == nullptr) return;
  inspect::Summary summary;
  wire::SummaryReader reader(summaries->records);
  while (reader.next(summary)) {
    verdicts_.emplace_back(summary.sequence, summary.attacks);
    ++examined_;
    found_ += summary.attacks != 0 ? 1 : 0;
  }
}

void Examiner::hear() {
  while (problem_.empty()) {
    const auto message = process_.take();
    if (!message) {
      problem_ = message.error().code == ErrorCode::kUnavailable ? process_.died() : message.error().message;
      return;
    }
    if (!*message) return;
    take(**message);
  }
}

std::uint8_t Examiner::verdict(std::uint64_t sequence) {
  while (true) {
    while (!verdicts_.empty() && verdicts_.front().first < sequence) verdicts_.pop_front();
    if (!verdicts_.empty()) return verdicts_.front().first == sequence ? verdicts_.front().second : std::uint8_t{0};
    if (!problem_.empty() || environment_.interrupted) return 0;
    pollfd source{process_.fd(), POLLIN, 0};
    poll(&source, 1, kPatience);
    hear();
  }
}

}  // namespace tidegate::cli
