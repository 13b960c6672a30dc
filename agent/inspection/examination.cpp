// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/examination.hpp"

#include <sys/socket.h>

#include <utility>

#include "agent/inspect/wire/confined.hpp"
#include "agent/policy/report.hpp"

namespace tidegate::inspection {
namespace {

namespace wire = inspect::wire;

constexpr std::size_t kHeardAtOnce = 64;
constexpr int kEndingMs = 200;

}  // namespace

Result<int> Examination::inspector_end() {
  TIDEGATE_TRY(open_way());
  return inspector_end_.get();
}

Status Examination::open_way() {
  if (inspector_end_) return {};
  TIDEGATE_ASSIGN(auto ends, wire::Channel::pair());
  inspector_end_ = std::move(ends.first);
  examiner_end_ = std::move(ends.second);
  return {};
}

void Examination::want(bool wanted) {
  if (wanted == wanted_) return;
  wanted_ = wanted;
  restarts_.reset();
  problem_.clear();
  last_complaint_.clear();
  start_at_ = MonotonicTime(0);
  if (wanted) return;
  session_.reset();
  tally_.end_life();
  discard();
}

// What nobody will examine any more; without a look at it.
void Examination::discard() {
  while (examiner_end_ && ::recv(examiner_end_.get(), nullptr, 0, MSG_DONTWAIT | MSG_TRUNC) > 0) {
  }
}

State Examination::state() const {
  if (!wanted_) return State::kOff;
  if (session_) return session_->ready() ? State::kRunning : State::kStarting;
  return restarts_.failed()                        ? State::kFailed
         : restart_count_ == 0 && problem_.empty() ? State::kStarting
                                                   : State::kRestarting;
}

bool Examination::work(MonotonicTime now, const Take& take) {
  if (wanted_) keep_alive(now, take);
  const bool ready = session_ && session_->ready();
  const bool serves = wanted_ && (ready || (served_ && !restarts_.failed()));
  return std::exchange(served_, serves) != serves;
}

void Examination::keep_alive(MonotonicTime now, const Take& take) {
  if (session_) hear(now, take);
  if (session_ || now < start_at_) return;
  if (const auto started = start(now); !started) {
    problem_ = started.error().message;
    complain(problem_);
    session_.reset();
    restarts_.ended(std::chrono::nanoseconds(0), false);
    start_at_ = now + restarts_.delay();
  }
}

Status Examination::start(MonotonicTime now) {
  TIDEGATE_ASSIGN(const auto program, options_.find_program());
  TIDEGATE_TRY(open_way());
  wire::Start how;
  how.mode = wire::Start::Mode::kExamine;
  how.payloads = true;
  how.rules = options_.rules.string();
  TIDEGATE_ASSIGN(auto session, Session::start(program, {examiner_end_.get()}, how, now));
  session_.emplace(std::move(session));
  return {};
}

void Examination::hear(MonotonicTime now, const Take& take) {
  const auto done = session_->receive(
      kHeardAtOnce, [&](const wire::ToAgent& message) { take_one(message, take); }, now);
  if (const auto how = session_->process().ended()) return bury(*how, now);
  if (!done) {
    session_->process().kill();
    pollfd end{session_->process().pidfd(), POLLIN, 0};
    ::poll(&end, 1, kEndingMs);
    const auto how = session_->process().ended();
    const bool gone = done.error().code == ErrorCode::kUnavailable;
    return bury(gone && how ? *how : done.error().message, now);
  }
  if (now - session_->silent_since() <= (session_->ready() ? options_.silence : options_.ready_within)) return;
  ++kill_count_;
  session_->process().kill();
  bury("it did not answer any more and was killed", now);
}

void Examination::take_one(const wire::ToAgent& message, const Take& take) {
  if (const auto* summaries = std::get_if<wire::Summaries>(&message)) return take(*summaries);
  if (const auto* statistics = std::get_if<wire::Statistics>(&message)) {
    if (statistics->worker == 0) tally_.take(*statistics);
  } else if (const auto* problem = std::get_if<wire::Problem>(&message)) {
    if (problem->fatal) last_words_ = policy::printable(problem->text);
  } else if (std::holds_alternative<wire::Ready>(message)) {
    problem_.clear();
    last_complaint_.clear();
  }
}

void Examination::bury(const std::string& how, MonotonicTime now) {
  problem_ = last_words_.empty() ? how : std::exchange(last_words_, {});
  complain(problem_);
  restarts_.ended(now - session_->started(), session_->ready());
  session_.reset();
  tally_.end_life();
  ++restart_count_;
  start_at_ = now + restarts_.delay();
}

void Examination::complain(const std::string& text) {
  if (text == last_complaint_) return;
  last_complaint_ = text;
  options_.warn("payloads are not examined: " + text + "; inspection and enforcement are not touched");
}

std::array<pollfd, 2> Examination::sources() {
  if (!session_) return {pollfd{-1, 0, 0}, pollfd{-1, 0, 0}};
  return {pollfd{session_->channel_fd(), POLLIN, 0}, pollfd{session_->process().pidfd(), POLLIN, 0}};
}

PayloadReport Examination::report() const {
  PayloadReport report{.state = state(), .problem = problem_};
  report.memory = tally_.memory();
  report.restarts = restart_count_;
  report.kills = kill_count_;
  const auto* facts = session_ && session_->facts() ? &*session_->facts() : nullptr;
  report.sandboxed = facts != nullptr && inspect::wire::is_confined(*facts);
  return report;
}

}  // namespace tidegate::inspection
