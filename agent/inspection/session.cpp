// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/session.hpp"

#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include <algorithm>
#include <cerrno>

#include "agent/inspect/wire/settings_parts.hpp"

namespace tidegate::inspection {
namespace {

namespace wire = inspect::wire;

constexpr std::size_t kMostWaiting = 12 << 20;  // bytes; settings have at most half of it
constexpr std::uint32_t kKeyThread = wire::kMostWorkers;
constexpr int kPatienceMs = 300;

void wipe(std::vector<std::byte>& bytes) { ::explicit_bzero(bytes.data(), bytes.size()); }

}  // namespace

Result<Session> Session::start(const std::filesystem::path& program, const std::vector<int>& others,
                               const wire::Start& how, MonotonicTime now) {
  TIDEGATE_ASSIGN(auto ends, wire::Channel::pair());
  std::vector<int> descriptors{ends.second.get()};
  descriptors.insert(descriptors.end(), others.begin(), others.end());
  TIDEGATE_ASSIGN(auto process, InspectorProcess::start(program, descriptors));
  Session session(std::move(process), wire::Channel(std::move(ends.first)), how, now);
  TIDEGATE_TRY(session.send(wire::ToInspector(how)));
  return session;
}

Session::~Session() {
  for (auto& waiting : outbox_) {
    if (waiting.secret) wipe(waiting.message);
  }
  if (process_.pid() < 0) return;
  channel_.close();
  pollfd end{process_.pidfd(), POLLIN, 0};
  ::poll(&end, 1, kPatienceMs);
}

Status Session::send(const wire::ToInspector& message, int descriptor, bool secret) {
  return send(wire::encode(message), descriptor, secret);
}

Status Session::send(const inspect::Settings& settings) {
  TIDEGATE_ASSIGN(auto parts, wire::encode_settings(settings));
  for (auto& part : parts) TIDEGATE_TRY(send(std::move(part), -1, true));
  return {};
}

Status Session::send(std::vector<std::byte> message, int descriptor, bool secret) {
  if (waiting_ + message.size() > kMostWaiting) {
    wipe(message);
    return fail(ErrorCode::kResourceExhausted, "the inspector does not take what it is told");
  }
  Waiting waiting{std::move(message), UniqueFd(), secret};
  if (descriptor >= 0) {
    waiting.descriptor = UniqueFd(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
    if (!waiting.descriptor) return fail_errno(errno, "cannot hand a descriptor to the inspector");
  }
  waiting_ += waiting.message.size();
  outbox_.push_back(std::move(waiting));
  return flush();
}

Status Session::flush() {
  while (!outbox_.empty()) {
    auto& first = outbox_.front();
    TIDEGATE_ASSIGN(const bool sent, channel_.send(first.message, wire::Wait::kNo, first.descriptor.get()));
    if (!sent) return {};
    waiting_ -= first.message.size();
    if (first.secret) wipe(first.message);
    outbox_.pop_front();
  }
  return {};
}

Status Session::receive(std::size_t most, const std::function<void(const wire::ToAgent&)>& take, MonotonicTime now) {
  for (std::size_t i = 0; i < most; ++i) {
    TIDEGATE_ASSIGN(const auto received, channel_.receive(wire::Wait::kNo));
    if (!received) return {};
    TIDEGATE_ASSIGN(const auto message, wire::decode_to_agent(received->message));
    note(message, now);
    take(message);
  }
  return {};
}

void Session::note(const wire::ToAgent& message, MonotonicTime now) {
  if (const auto* ready = std::get_if<wire::Ready>(&message)) {
    if (ready_) return;
    ready_ = *ready;
    for (std::uint32_t worker = 0; worker < workers_; ++worker) heard_[worker] = now;
    if (reads_keys_) heard_[kKeyThread] = now;
  } else if (const auto* statistics = std::get_if<wire::Statistics>(&message)) {
    if (statistics->worker < workers_) heard_[statistics->worker] = now;
  } else if (reads_keys_ && std::holds_alternative<wire::KeyStatistics>(message)) {
    heard_[kKeyThread] = now;
  }
}

MonotonicTime Session::silent_since() const {
  if (!ready_ || heard_.empty()) return started_;
  return std::min_element(heard_.begin(), heard_.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->second;
}

}  // namespace tidegate::inspection
