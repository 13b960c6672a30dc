// SPDX-License-Identifier: Apache-2.0
#include "agent/telemetry/events.hpp"

#include <algorithm>
#include <utility>

namespace tidegate::telemetry {

std::string_view to_string(EventKind kind) {
  switch (kind) {
    case EventKind::kDrop:
      return "drop";
    case EventKind::kPass:
      return "pass";
    case EventKind::kDecision:
      return "decision";
    case EventKind::kPolicy:
      return "policy";
    case EventKind::kSafelist:
      return "safelist";
    case EventKind::kAttach:
      return "attach";
    case EventKind::kWarning:
      return "warning";
  }
  return "warning";
}

std::string_view to_string(DecisionDetail::Change change) {
  switch (change) {
    case DecisionDetail::Change::kMade:
      return "made";
    case DecisionDetail::Change::kReported:
      return "reported";
    case DecisionDetail::Change::kRefused:
      return "refused";
    case DecisionDetail::Change::kExpired:
      return "expired";
    case DecisionDetail::Change::kRemoved:
      return "removed";
    case DecisionDetail::Change::kImported:
      return "imported";
    case DecisionDetail::Change::kAlarm:
      return "alarm";
  }
  return "made";
}

bool EventFilter::matches(const Event& event) const {
  const bool packet = event.kind == EventKind::kDrop || event.kind == EventKind::kPass;
  if (acts_only && packet) return false;
  if (source && (!packet || !source->contains(event.source))) return false;
  return !reason || (packet && event.reason == *reason);
}

std::optional<Event> Follower::next(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  if (queue_.empty() && !closed_ && wait.count() > 0) {
    arrived_.wait_for(lock, wait, [this] { return !queue_.empty() || closed_; });
  }
  if (queue_.empty()) return std::nullopt;
  Event event = std::move(queue_.front());
  queue_.pop_front();
  return event;
}

std::uint64_t Follower::take_lost() {
  const std::lock_guard lock(mutex_);
  return std::exchange(lost_, 0);
}

bool Follower::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void Follower::offer(const Event& event) {
  if (!filter_.matches(event)) return;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= kQueue) {
      queue_.pop_front();
      ++lost_;
    }
    queue_.push_back(event);
  }
  arrived_.notify_one();
}

void Follower::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  arrived_.notify_all();
}

void EventLog::add(Event event) {
  const std::lock_guard lock(mutex_);
  event.number = ++last_number_;
  while (!ring_.empty() && (ring_.size() >= most_ || event.time - ring_.front().time > kAge)) ring_.pop_front();
  std::erase_if(followers_, [&](const std::weak_ptr<Follower>& weak) {
    const auto follower = weak.lock();
    if (follower) follower->offer(event);
    return !follower;
  });
  ring_.push_back(std::move(event));
  if (ring_.size() > kDetailed) ring_[ring_.size() - kDetailed - 1].decision.reset();
}

std::vector<Event> EventLog::since(WallTime from, const EventFilter& filter) const {
  const std::lock_guard lock(mutex_);
  std::vector<Event> found;
  for (const Event& event : ring_) {
    if (event.time >= from && filter.matches(event)) found.push_back(event);
  }
  return found;
}

std::shared_ptr<Follower> EventLog::follow(EventFilter filter) {
  const std::lock_guard lock(mutex_);
  std::erase_if(followers_, [](const auto& weak) { return weak.expired(); });
  if (followers_.size() >= kFollowers || closed_) return nullptr;
  auto follower = std::make_shared<Follower>(std::move(filter));
  followers_.push_back(follower);
  return follower;
}

void EventLog::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& weak : followers_) {
    if (const auto follower = weak.lock()) follower->close();
  }
}

}  // namespace tidegate::telemetry
