// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/loop.hpp"

#include <poll.h>
#include <string.h>

#include <algorithm>
#include <array>

#include "agent/inspect/wire/summary_codec.hpp"
#include "agent/inspection/ring_geometry.hpp"
#include "agent/policy/report.hpp"

namespace tidegate::inspection {
namespace {

namespace wire = inspect::wire;

constexpr std::size_t kMessagesAtOnce = 64;
constexpr std::size_t kLinesAtOnce = 32 << 10;  // bytes of key lines in a message
constexpr std::size_t kLastMessages = 1024;
constexpr int kDyingMs = 200;
constexpr std::chrono::milliseconds kRetire{2};

}  // namespace

Supervisor::Loop::Loop(Shared& shared, Options options)
    : shared_(shared),
      options_(std::move(options)),
      keys_(options_.keys),
      examination_({.find_program = options_.find_examiner,
                    .rules = options_.inspect.payload_rules,
                    .ready_within = options_.timing.ready_within,
                    .silence = 2 * options_.timing.silence,
                    .warn = options_.warn}) {}

Supervisor::Loop::~Loop() {
  session_.reset();
  ::explicit_bzero(key_.data(), key_.size());
  if (key_before_) ::explicit_bzero(key_before_->data(), key_before_->size());
}

void Supervisor::Loop::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    take_wishes();
    const auto now = shared_.clock.monotonic();
    if (plan_.wanted) {
      if (now >= look_at_) look_around(now);
      keep_alive(now);
      examine(now);
    }
    hand_on_lines();
    publish_report(now);
    wait(now);
  }
}

// ---- what is wished ----

void Supervisor::Loop::take_wishes() {
  auto plan = std::exchange(shared_.inbox.lock()->plan, std::nullopt);
  if (plan) take_plan(std::move(*plan));
}

void Supervisor::Loop::take_plan(Plan plan) {
  plan_ = std::move(plan);
  changed_ = true;
  examination_.want(plan_.wanted && plan_.payloads);
  if (!plan_.wanted) return switch_off();
  look_at_ = MonotonicTime(0);
  if (!session_) return;
  auto done = refresh_scope();
  if (done) done = send_settings();
  if (!done) complain(done.error().message);
}

void Supervisor::Loop::switch_off() {
  session_.reset();
  if (capture_) tally_.end_life();
  before_captures_ = filtered();
  capture_.reset();
  scope_.reset();
  unreadable_.clear();
  keys_.close();
  restarts_.reset();
  problem_.clear();
  start_at_ = MonotonicTime(0);
  key_problems_.clear();
}

// Lines that wait when there is no inspector are of no use to the next one: their connections go by meanwhile.
void Supervisor::Loop::hand_on_lines() {
  auto inbox = shared_.inbox.lock();
  inbox->takes_lines = session_ && session_->ready();
  std::string_view left = inbox->lines;
  while (inbox->takes_lines && !left.empty()) {
    const std::size_t cut = left.size() <= kLinesAtOnce ? left.size() : left.rfind('\n', kLinesAtOnce) + 1;
    const wire::KeyLines lines{kPublishId, std::as_bytes(std::span(left.substr(0, cut)))};
    if (!session_->send(wire::ToInspector(lines), -1, true)) break;
    left.remove_prefix(cut);
  }
  const auto dropped = static_cast<std::uint64_t>(std::count(left.begin(), left.end(), '\n'));
  ::explicit_bzero(inbox->lines.data(), inbox->lines.size());
  inbox->lines.clear();
  if (dropped > 0) shared_.board.lock()->published_dropped += dropped;
}

// ---- the life of the inspector ----

State Supervisor::Loop::state() const {
  if (!plan_.wanted) return State::kOff;
  if (session_) return session_->ready() ? State::kRunning : State::kStarting;
  return restarts_.failed()                        ? State::kFailed
         : restart_count_ == 0 && problem_.empty() ? State::kStarting
                                                   : State::kRestarting;
}

// What was said meanwhile is heard before silence is judged.
void Supervisor::Loop::keep_alive(MonotonicTime now) {
  if (now - passed_at_ > options_.timing.look_around + options_.timing.silence / 2) attentive_since_ = now;
  passed_at_ = now;
  if (session_) mourn(now);
  if (session_) listen(now);
  if (session_) watch(now);
  if (session_ || now < start_at_) return;
  if (const auto started = start(now); !started) {
    problem_ = started.error().message;
    complain("inspector: " + problem_);
    session_.reset();
    restarts_.ended(std::chrono::nanoseconds(0), false);
    start_at_ = now + restarts_.delay();
  }
}

Status Supervisor::Loop::prepare() {
  if (key_until_ == MonotonicTime(0)) {
    inspect::HashKey seed{};
    TIDEGATE_TRY(options_.random_key(seed));
    ::memcpy(&sample_seed_, seed.data(), sizeof sample_seed_);
    TIDEGATE_TRY(options_.random_key(key_));
    key_until_ = shared_.clock.monotonic() + options_.timing.identity_key;
  }
  if (!capture_) {
    TIDEGATE_ASSIGN(capture_, options_.load_capture());
    scope_.reset();
  }
  capture_->set_shedding({});
  return refresh_scope();
}

Status Supervisor::Loop::start(MonotonicTime now) {
  TIDEGATE_TRY(prepare());
  TIDEGATE_ASSIGN(const auto program, options_.find_program());
  const auto geometry = ring_geometry(options_.inspect);
  TIDEGATE_ASSIGN(const auto rings, capture_->open(options_.inspect.cores, [&](int fd) {
    return inspect::set_up_ring(fd, geometry, kRetire);
  }));
  std::vector<int> others;
  for (const auto& ring : rings) others.push_back(ring.get());
  TIDEGATE_ASSIGN(const int payloads, examination_.inspector_end());
  others.push_back(payloads);
  wire::Start how;
  how.payloads = true;
  how.workers = static_cast<std::uint16_t>(options_.inspect.cores);
  how.ring_block_bytes = geometry.block_size;
  how.ring_blocks = geometry.blocks;
  TIDEGATE_ASSIGN(auto session, Session::start(program, others, how, now));
  session_.emplace(std::move(session));
  return brief();
}

// What an inspector that just began has to know.
Status Supervisor::Loop::brief() {
  TIDEGATE_TRY(send_settings());
  refresh_keys();
  for (const auto& entry : keys_.entries()) {
    if (!entry.fd) continue;
    TIDEGATE_TRY(session_->send(wire::ToInspector(keys_.describe(entry)), entry.fd.get()));
  }
  return {};
}

void Supervisor::Loop::bury(const std::string& how, MonotonicTime now) {
  problem_ = last_words_.empty() ? how : how + " (" + std::exchange(last_words_, {}) + ")";
  complain("inspector: " + problem_ + "; it is started again, enforcement is not touched");
  restarts_.ended(now - session_->started(), session_->ready());
  session_.reset();
  tally_.end_life();
  ++restart_count_;
  start_at_ = now + restarts_.delay();
}

void Supervisor::Loop::mourn(MonotonicTime now) {
  const auto how = session_->process().ended();
  if (!how) return;
  // What it still said counts.
  (void)session_->receive(
      kLastMessages, [&](const wire::ToAgent& message) { take(message, now); }, now);
  bury(*how, now);
}

// Only silence that this thread was there to hear counts: when it stood still itself (stopped, frozen, starved), the
// channel is full of what it did not take, and has no room for what is said now.
void Supervisor::Loop::watch(MonotonicTime now) {
  const auto patience = session_->ready() ? options_.timing.silence : options_.timing.ready_within;
  if (now - std::max(session_->silent_since(), attentive_since_) <= patience) return;
  ++kill_count_;
  session_->process().kill();
  bury(session_->ready() ? "it did not answer any more and was killed" : "it did not become ready and was killed", now);
}

void Supervisor::Loop::listen(MonotonicTime now) {
  auto done = session_->receive(
      kMessagesAtOnce, [&](const wire::ToAgent& message) { take(message, now); }, now);
  if (done) done = session_->flush();
  if (done) return;
  session_->process().kill();
  pollfd end{session_->process().pidfd(), POLLIN, 0};
  ::poll(&end, 1, kDyingMs);
  bury(done.error().code == ErrorCode::kUnavailable ? session_->process().ended().value_or(done.error().message)
                                                    : done.error().message,
       now);
}

void Supervisor::Loop::take(const wire::ToAgent& message, MonotonicTime now) {
  changed_ = true;
  if (const auto* summaries = std::get_if<wire::Summaries>(&message)) return take_summaries(*summaries);
  if (const auto* statistics = std::get_if<wire::Statistics>(&message)) return take_statistics(*statistics);
  if (const auto* keys = std::get_if<wire::KeyStatistics>(&message)) return tally_.take(*keys, now);
  if (const auto* ready = std::get_if<wire::Ready>(&message)) {
    facts_ = *ready;
    problem_.clear();
    last_complaint_.clear();
  } else if (const auto* problem = std::get_if<wire::Problem>(&message)) {
    take_problem(*problem);
  } else if (const auto* ended = std::get_if<wire::KeySourceEnded>(&message)) {
    keys_.lost(ended->id);
  }
}

// An inspector that is not itself any more must not fill the log.
void Supervisor::Loop::take_problem(const wire::Problem& problem) {
  if (problem.fatal) {
    last_words_ = policy::printable(problem.text);
  } else if (problems_left_ > 0) {
    --problems_left_;
    complain("inspector: " + policy::printable(problem.text));
  }
}

void Supervisor::Loop::take_statistics(const wire::Statistics& statistics) {
  const auto before = std::pair(tally_.shedding(), tally_.shed_share());
  tally_.take(statistics);
  if (std::pair(tally_.shedding(), tally_.shed_share()) == before || !capture_) return;
  capture_->set_shedding({.shed = tally_.shed_share(), .headers_only = tally_.shedding() >= 2});
}

void Supervisor::Loop::take_summaries(const wire::Summaries& summaries) {
  wire::SummaryReader reader(summaries.records);
  while (reader.next(summary_)) {
    if (summary_.kind == inspect::SummaryKind::kPayload) continue;  // that is for the examiner to say
    shared_.endpoints.lock()->add(summary_);
    for (const auto& consumer : options_.consumers) consumer->take(summary_);
  }
}

// Of requests that the inspector told of before. Nothing else is believed from there.
void Supervisor::Loop::take_findings(const wire::Summaries& summaries) {
  wire::SummaryReader reader(summaries.records);
  while (reader.next(summary_)) {
    if (summary_.kind != inspect::SummaryKind::kPayload || summary_.attacks == 0) continue;
    for (const auto& consumer : options_.consumers) consumer->take(summary_);
  }
}

void Supervisor::Loop::examine(MonotonicTime now) {
  const bool changed = examination_.work(now, [this](const wire::Summaries& found) { take_findings(found); });
  if (!changed) return;
  changed_ = true;
  if (!session_) return;
  if (const auto sent = send_settings(); !sent) complain(sent.error().message);
}

// ---- waiting ----

std::chrono::nanoseconds Supervisor::Loop::until_next(MonotonicTime now) const {
  if (!plan_.wanted) return std::chrono::hours(1);
  auto next = changed_ ? std::min(look_at_, report_at_) : look_at_;
  if (!session_) next = std::min(next, start_at_);
  next = std::min(next, examination_.next());
  return std::clamp<std::chrono::nanoseconds>(next - now, std::chrono::nanoseconds(0), options_.timing.look_around);
}

void Supervisor::Loop::wait(MonotonicTime now) {
  const auto examiner = examination_.sources();
  std::array<pollfd, 5> sources{
      {{shared_.wake_up.get(), POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}, examiner[0], examiner[1]}};
  if (session_) {
    sources[1].fd = session_->channel_fd();
    if (session_->wants_to_write()) sources[1].events |= POLLOUT;
    sources[2].fd = session_->process().pidfd();
  }
  const auto patience = std::chrono::ceil<std::chrono::milliseconds>(until_next(now));
  ::poll(sources.data(), sources.size(), static_cast<int>(patience.count()));
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(shared_.wake_up.get(), &count, sizeof count);
}

void Supervisor::Loop::complain(const std::string& text) {
  if (text == last_complaint_) return;
  last_complaint_ = text;
  options_.warn(text);
}

}  // namespace tidegate::inspection
