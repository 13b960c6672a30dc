// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/live.hpp"

#include <malloc.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <latch>
#include <memory>
#include <thread>
#include <utility>

#include "agent/inspect/keys/key_source_io.hpp"
#include "agent/inspect/keys/locked_memory.hpp"
#include "agent/inspect/process/enter.hpp"
#include "agent/inspect/process/key_control.hpp"
#include "agent/inspect/process/key_pace.hpp"
#include "agent/inspect/process/worker.hpp"
#include "agent/inspect/sandbox/sandbox.hpp"
#include "agent/inspect/wire/settings_parts.hpp"

namespace tidegate::inspect::process {
namespace {

constexpr std::chrono::seconds kBetweenTrims{30};
// Address space that a thread reserves: its stack, and the arena of its allocator.
constexpr std::uint64_t kReservedPerThread = 160 << 20;
constexpr int kMessagesAPass = 64;
constexpr std::chrono::milliseconds kLongestWait{100};

// The control thread: channel and keys. Workers read packets.
class Live {
 public:
  Live(wire::Channel& channel, Settings settings, const Clock& clock)
      : channel_(channel),
        clock_(clock),
        settings_(std::move(settings)),
        keys_({}, clock),
        control_(keys_, channel, clock) {}

  Status make_workers(const wire::Start& start);
  Result<sandbox::Facts> close_sandbox();
  void run(const sandbox::Facts& facts);
  ~Live() {
    for (const auto& worker : workers_) worker->stop();
    if (!open_.try_wait()) open_.count_down();
  }

 private:
  bool take_messages();
  bool take(const wire::ToInspector& message, UniqueFd descriptor);
  void take_part(const wire::SettingsPart& part);
  void hand_out_settings();
  Settings for_a_worker() const;
  void wait();

  wire::Channel& channel_;
  const Clock& clock_;
  Settings settings_;
  KeyPace pace_;
  bool secrets_locked_ = false;  // wherever they are, not in the store alone
  KeyStore keys_;
  KeyControl control_;
  wire::SettingsAssembler assembler_;
  int payloads_ = -1;   // where they go
  unsigned share_ = 1;  // of the memory: one part in so many
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<std::latch> running_;
  std::latch open_{1};
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

Settings Live::for_a_worker() const {
  Settings settings = settings_;
  settings.memory_bytes = engine_memory(settings_, share_);
  return settings;
}

Status Live::make_workers(const wire::Start& start) {
  share_ = std::max<unsigned>(start.workers, 1);
  if (start.payloads) payloads_ = wire::kPayloadFd;
  const RingGeometry geometry{.block_size = start.ring_block_bytes, .blocks = start.ring_blocks};
  TIDEGATE_TRY(check(geometry));
  for (std::uint16_t i = 0; i < start.workers; ++i) {
    const int fd = wire::kFirstRingFd + i;
    TIDEGATE_ASSIGN(Ring ring, Ring::map(fd, geometry));
    workers_.push_back(
        std::make_unique<Worker>(i, fd, std::move(ring), for_a_worker(), keys_, channel_, payloads_, clock_));
  }
  return {};
}

// Threads run before the filter is loaded, because it forbids what starting one takes; they wait until it is.
Result<sandbox::Facts> Live::close_sandbox() {
  sandbox::Facts facts;
  secrets_locked_ = lock_whole_process(settings_.memory_bytes + (workers_.size() + 1) * kReservedPerThread);
  running_ = std::make_unique<std::latch>(static_cast<std::ptrdiff_t>(workers_.size()));
  TIDEGATE_TRY(sandbox::drop_privileges(static_cast<unsigned>(most_descriptors()), facts));
  for (const auto& worker : workers_) {
    threads_.emplace_back([this, &worker = *worker] {
      running_->count_down();
      open_.wait();
      worker.run();
    });
  }
  running_->wait();
  TIDEGATE_TRY(sandbox::seal(channel_.fd(), facts, payloads_));
  return facts;
}

void Live::take_part(const wire::SettingsPart& part) {
  auto settings = assembler_.add(part);
  if (!settings) return say_problem(channel_, settings.error().message, false);
  if (!*settings) return;
  settings_ = std::move(**settings);
  hand_out_settings();
}

void Live::hand_out_settings() {
  const Settings settings = for_a_worker();
  for (const auto& worker : workers_) worker->set_settings(settings);
}

// False: time to end.
bool Live::take(const wire::ToInspector& message, UniqueFd descriptor) {
  if (std::holds_alternative<wire::Stop>(message)) return false;
  if (const auto* part = std::get_if<wire::SettingsPart>(&message)) take_part(*part);
  if (const auto* source = std::get_if<wire::KeySource>(&message)) control_.add(*source, std::move(descriptor));
  if (const auto* removed = std::get_if<wire::KeySourceRemoved>(&message)) control_.remove(removed->id);
  if (const auto* lines = std::get_if<wire::KeyLines>(&message)) control_.add_lines(*lines);
  if (const auto* identity = std::get_if<wire::IdentityKey>(&message)) {
    settings_.identity_key = identity->key;
    settings_.identity_key_before = identity->before;
    hand_out_settings();
  }
  return true;
}

bool Live::take_messages() {
  for (int i = 0; i < kMessagesAPass; ++i) {
    auto received = channel_.receive(wire::Wait::kNo);
    if (!received) return false;
    if (!*received) return true;
    const wire::Forgetting when_taken(channel_);
    const auto message = wire::decode_to_inspector((*received)->message);
    if (!message) {
      say_problem(channel_, message.error().message, false);
      continue;
    }
    if (!take(*message, std::move((*received)->descriptor))) return false;
  }
  return true;
}

void Live::wait() {
  std::array<pollfd, 2> entries{pollfd{channel_.fd(), POLLIN, 0}, pollfd{control_.wait_fd(), POLLIN, 0}};
  auto most = std::min(kLongestWait, control_.wait_at_most());
  if (const auto pause = pace_.pause(clock_.monotonic())) {
    poll(entries.data(), 1, static_cast<int>(std::min(*pause, most).count()));
    most = {};
  }
  poll(entries.data(), entries.size(), static_cast<int>(most.count()));
  if (entries[1].revents != 0) pace_.came(clock_.monotonic());
}

void Live::run(const sandbox::Facts& facts) {
  wire::Ready ready = ready_of(facts);
  ready.secrets_locked = secrets_locked_;
  ready.key_store_locked = secrets_locked_ || keys_.locked();
  if (!channel_.send(wire::encode(wire::ToAgent(ready)), wire::Wait::kYes)) return;
  open_.count_down();
  MonotonicTime next_trim = clock_.monotonic() + kBetweenTrims;
  while (take_messages()) {
    control_.work();
    control_.report();
    if (clock_.monotonic() >= next_trim) {
      malloc_trim(0);
      next_trim = clock_.monotonic() + kBetweenTrims;
    }
    wait();
  }
}

}  // namespace

Status run_live(wire::Channel& channel, Beginning beginning, const Clock& clock) {
  Live live(channel, std::move(beginning.settings), clock);
  TIDEGATE_TRY(live.make_workers(beginning.start));
  TIDEGATE_ASSIGN(const sandbox::Facts facts, live.close_sandbox());
  live.run(facts);
  return {};
}

}  // namespace tidegate::inspect::process
