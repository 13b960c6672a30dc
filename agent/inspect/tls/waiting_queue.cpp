// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tls/waiting_queue.hpp"

#include <cstring>

namespace tidegate::inspect {

bool WaitingQueue::add(Direction direction, Event event, std::size_t bytes) {
  const std::size_t cost = kCostOfEvent + bytes;
  if (cost > limit_ - used_ || !budget_->take(cost)) return false;
  used_ += cost;
  event.order = order_++;
  events_[index_of(direction)].push_back(std::move(event));
  return true;
}

bool WaitingQueue::add_data(Direction direction, Bytes bytes, WallTime time) {
  if (bytes.empty()) return true;
  if (!add(direction, {.kind = Event::Kind::kData, .time = time, .size = bytes.size(), .bytes = nullptr},
           bytes.size())) {
    return false;
  }
  Event& event = events_[index_of(direction)].back();
  event.bytes = std::make_unique_for_overwrite<std::byte[]>(bytes.size());
  std::memcpy(event.bytes.get(), bytes.data(), bytes.size());
  return true;
}

bool WaitingQueue::add_gap(Direction direction, std::uint64_t size, WallTime time) {
  return add(direction, {.kind = Event::Kind::kGap, .time = time, .size = size, .bytes = nullptr}, 0);
}

bool WaitingQueue::add_end(Direction direction, StreamEnd how, WallTime time) {
  return add(direction, {.kind = Event::Kind::kEnd, .how = how, .time = time, .bytes = nullptr}, 0);
}

WaitingQueue::Event* WaitingQueue::front(Direction direction) {
  auto& events = events_[index_of(direction)];
  return events.empty() ? nullptr : &events.front();
}

void WaitingQueue::pop(Direction direction) {
  auto& events = events_[index_of(direction)];
  const Event& event = events.front();
  const std::size_t cost = kCostOfEvent + (event.kind == Event::Kind::kData ? event.size : 0);
  used_ -= cost;
  budget_->give_back(cost);
  events.pop_front();
}

void WaitingQueue::clear(Direction direction) {
  while (front(direction) != nullptr) pop(direction);
}

void WaitingQueue::clear() {
  clear(Direction::kToServer);
  clear(Direction::kToClient);
}

}  // namespace tidegate::inspect
