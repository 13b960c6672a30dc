// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/lane.hpp"

#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {

Lane::~Lane() { budget_.give_back(events_.size() * sizeof(Event)); }

bool Lane::has_room(std::size_t bytes) const {
  return bytes_.size() + bytes + (events_.size() + 1) * sizeof(Event) <= longest_;
}

bool Lane::hold(const Event& event) {
  if (!budget_.take(sizeof event)) return false;
  events_.push_back(event);
  return true;
}

bool Lane::hold(Bytes bytes, WallTime time) {
  if (bytes.empty()) return true;
  if (!has_room(bytes.size()) || !bytes_.append(text_of(bytes))) return false;
  if (hold(Event{Event::Kind::kData, StreamEnd::kFinished, bytes.size(), time})) return true;
  bytes_.drop_back(bytes.size());
  return false;
}

Bytes Lane::front_data() const { return bytes_of(bytes_.text().substr(0, events_.front().size)); }

void Lane::used(std::size_t size) {
  bytes_.consume(size);
  events_.front().size -= size;
  if (events_.front().size == 0) pop();
}

void Lane::pop() {
  events_.pop_front();
  budget_.give_back(sizeof(Event));
}

}  // namespace tidegate::inspect::http
