// SPDX-License-Identifier: Apache-2.0
#include "agent/payload/process.hpp"

#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <ctime>

#include "agent/inspect/process/enter.hpp"
#include "agent/inspect/sandbox/sandbox.hpp"
#include "agent/inspect/wire/messages.hpp"
#include "agent/inspect/wire/summary_codec.hpp"
#include "agent/payload/examiner.hpp"

namespace tidegate::payload {
namespace {

namespace wire = inspect::wire;
namespace sandbox = inspect::sandbox;
using inspect::Counter;
using std::chrono::milliseconds;

constexpr unsigned kMostDescriptors = 16;
constexpr rlim_t kMostMemory = 256 << 20;  // of data; the rules take some 30 MB of it
constexpr int kNice = 19;
constexpr int kAtOnce = 8;  // payloads, then findings are sent and the channel is looked at
constexpr milliseconds kBetweenReports{250};
constexpr milliseconds kBetweenTrims{30'000};
constexpr int kWaitMs = 100;

Result<wire::Start> read_beginning(wire::Channel& channel) {
  while (true) {
    TIDEGATE_ASSIGN(auto received, channel.receive(wire::Wait::kYes));
    if (!received) continue;  // a signal
    TIDEGATE_ASSIGN(const auto message, wire::decode_to_inspector(received->message));
    const auto* start = std::get_if<wire::Start>(&message);
    if (start != nullptr && start->mode >= wire::Start::Mode::kExamine) return *start;
    return fail(ErrorCode::kInvalidArgument, "the examiner was not started by Tidegate: Start is missing");
  }
}

// Within its memory.
Status bound_memory() {
  mallopt(M_ARENA_MAX, 1);
  const rlimit limit{kMostMemory, kMostMemory};
  if (setrlimit(RLIMIT_DATA, &limit) == 0) return {};
  return fail_errno(errno, "cannot bound the examiner's memory");
}

// Behind everything else that runs here: what it does is not urgent. Not before the rules are loaded, for which the
// agent waits; and not offline, where somebody waits and has chosen the priority.
void step_back(wire::Start::Mode mode) {
  if (mode == wire::Start::Mode::kExamineOffline) return;
  const sched_param none{};
  static_cast<void>(sched_setscheduler(0, SCHED_BATCH, &none));
  static_cast<void>(setpriority(PRIO_PROCESS, 0, kNice));
}

class Life {
 public:
  Life(wire::Channel& channel, Examiner& examiner, wire::Start::Mode mode, const Clock& clock)
      : channel_(channel), examiner_(examiner), all_(mode == wire::Start::Mode::kExamineOffline), clock_(clock) {}
  Status run();

 private:
  bool told_to_go_on();
  bool take_some();
  bool take_one();
  void examine(inspect::Bytes message);
  void cannot_read();
  bool flush();
  bool report();
  Status conclude();
  wire::Statistics statistics() const;

  wire::Channel& channel_;
  Examiner& examiner_;
  bool all_;  // each payload is told of, whatever time that takes
  bool broken_ = false;
  bool ended_ = false;  // nothing comes any more
  const Clock& clock_;
  std::array<std::byte, wire::kMostBytes> message_{};
  wire::PayloadMessage payload_;
  wire::SummaryBatch found_;
  inspect::Counters counters_;
  MonotonicTime next_report_{0};
  MonotonicTime next_trim_{0};
};

// False: Stop, or the agent has gone.
bool Life::told_to_go_on() {
  auto received = channel_.receive(wire::Wait::kNo);
  if (!received) return false;
  if (!*received) return true;
  const auto message = wire::decode_to_inspector((*received)->message);
  return message && !std::holds_alternative<wire::Stop>(*message);
}

// False: nothing waits.
bool Life::take_one() {
  const ssize_t size = recv(wire::kExaminerFd, message_.data(), message_.size(), MSG_DONTWAIT | MSG_TRUNC);
  ended_ = size == 0;
  if (size <= 0) return false;
  if (static_cast<std::size_t>(size) <= message_.size()) {
    examine(inspect::Bytes(message_).first(static_cast<std::size_t>(size)));
  } else {
    cannot_read();
  }
  explicit_bzero(message_.data(), std::min<std::size_t>(message_.size(), static_cast<std::size_t>(size)));
  return true;
}

// Whoever waits for its verdict would wait for ever.
void Life::cannot_read() {
  broken_ = all_;
  counters_.add(Counter::kPayloadsFailed);
}

void Life::examine(inspect::Bytes message) {
  if (!wire::decode_payload(message, payload_)) return cannot_read();
  const Verdict verdict = examiner_.examine(payload_);
  counters_.add(verdict.failed ? Counter::kPayloadsFailed : Counter::kPayloadsExamined);
  if (verdict.slow) counters_.add(Counter::kPayloadsSlow);
  if (verdict.attacks == 0 && !all_) return;
  if (verdict.attacks != 0) counters_.add(Counter::kPayloadsFound);
  if (found_.full() && !flush()) return counters_.add(Counter::kSummariesDropped);
  payload_.summary.kind = inspect::SummaryKind::kPayload;
  payload_.summary.attacks = verdict.attacks;
  found_.add(payload_.summary);
}

// False: it has to wait.
bool Life::flush() {
  if (found_.empty()) return true;
  const auto sent = channel_.send(found_.message(), all_ ? wire::Wait::kYes : wire::Wait::kNo);
  if (!sent || !*sent) return false;
  found_.clear();
  return true;
}

wire::Statistics Life::statistics() const {
  wire::Statistics statistics;
  statistics.counters = counters_;
  const auto info = mallinfo2();
  statistics.memory_bytes = info.uordblks + info.hblkhd;
  return statistics;
}

// False: the agent has gone.
bool Life::report() {
  const MonotonicTime now = clock_.monotonic();
  if (now >= next_trim_) {
    malloc_trim(0);
    next_trim_ = now + kBetweenTrims;
  }
  if (now < next_report_) return true;
  next_report_ = now + kBetweenReports;
  return channel_.send(wire::encode(wire::ToAgent(statistics())), wire::Wait::kNo).has_value();
}

// False: no more waits. Examinations that take long do not keep those before them from being told of.
bool Life::take_some() {
  for (int taken = 0; taken < kAtOnce && !broken_; ++taken) {
    if (!take_one()) return false;
    if (clock_.monotonic() >= next_report_) break;
  }
  return true;
}

// Offline whoever says Stop waits for the totals.
Status Life::conclude() {
  if (broken_) return fail(ErrorCode::kInvalidArgument, "tidegate-payload was handed what it cannot read");
  if (!all_) return {};
  flush();
  const wire::Finished finished{.statistics = statistics(), .problem = {}, .key_lines = 0};
  static_cast<void>(channel_.send(wire::encode(wire::ToAgent(finished)), wire::Wait::kYes));
  return {};
}

Status Life::run() {
  while (!broken_ && told_to_go_on()) {
    const bool more = take_some();
    flush();
    if (!report()) return {};
    if (more) continue;
    std::array<pollfd, 2> sources{pollfd{channel_.fd(), POLLIN, 0}, pollfd{ended_ ? -1 : wire::kExaminerFd, POLLIN, 0}};
    poll(sources.data(), sources.size(), kWaitMs);
  }
  return conclude();
}

// What the library does once in its life, it does before the sandbox closes.
void warm_up(Examiner& examiner) {
  tzset();
  wire::PayloadMessage request;
  request.summary.method = "GET";
  request.target = "/";
  examiner.examine(request);
}

}  // namespace

Status run(wire::Channel& channel, const Clock& clock) {
  TIDEGATE_ASSIGN(const wire::Start start, read_beginning(channel));
  TIDEGATE_TRY(sandbox::isolate({wire::kChannelFd, wire::kExaminerFd}));
  TIDEGATE_TRY(bound_memory());
  TIDEGATE_ASSIGN(Examiner examiner, Examiner::load(start.rules));
  warm_up(examiner);
  step_back(start.mode);
  // libmodsecurity looks for the host's hardware address when it begins, and leaves the socket open where there is
  // none.
  TIDEGATE_TRY(sandbox::close_others({wire::kChannelFd, wire::kExaminerFd}));
  const auto life = std::make_unique<Life>(channel, examiner, start.mode, clock);
  TIDEGATE_TRY(inspect::process::enter(channel, kMostDescriptors));
  return life->run();
}

}  // namespace tidegate::payload
