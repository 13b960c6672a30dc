// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/tcp_script.hpp"

#include <algorithm>

namespace tidegate::test {

using inspect::Direction;
using inspect::index_of;

inspect::Segment OwnedSegment::view() const {
  inspect::Segment segment = head;
  segment.payload = payload;
  return segment;
}

inspect::Flow TcpScriptOptions::default_flow() {
  return {.client = {*Address::parse("198.51.100.7"), 40'000}, .server = {*Address::parse("192.0.2.1"), 443}};
}

TcpScript::TcpScript(TcpScriptOptions options)
    : options_(options), next_{options.client_isn, options.server_isn}, time_(options.start) {}

OwnedSegment& TcpScript::append(Direction from) {
  const bool client = from == Direction::kToServer;
  OwnedSegment segment;
  segment.head.time = time_;
  segment.head.source = client ? options_.flow.client : options_.flow.server;
  segment.head.destination = client ? options_.flow.server : options_.flow.client;
  segment.head.sequence = next_[index_of(from)];
  segment.head.ack = acknowledges_[index_of(from)];
  segment.head.acknowledged = segment.head.ack ? next_[index_of(opposite(from))] : 0;
  time_ += options_.step;
  segments_.push_back(std::move(segment));
  return segments_.back();
}

TcpScript& TcpScript::handshake() {
  append(Direction::kToServer).head.syn = true;
  ++next_[0];
  acknowledges_[1] = true;
  append(Direction::kToClient).head.syn = true;
  ++next_[1];
  acknowledges_[0] = true;
  return acknowledge(Direction::kToServer);
}

TcpScript& TcpScript::say(Direction direction, std::span<const std::byte> bytes) {
  acknowledges_[0] = acknowledges_[1] = true;  // also without a handshake
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), options_.segment_size));
    append(direction).payload.assign(part.begin(), part.end());
    next_[index_of(direction)] += static_cast<std::uint32_t>(part.size());
    bytes = bytes.subspan(part.size());
  }
  return options_.acknowledge ? acknowledge(opposite(direction)) : *this;
}

TcpScript& TcpScript::client(std::string_view text) {
  return say(Direction::kToServer, std::as_bytes(std::span(text)));
}

TcpScript& TcpScript::server(std::string_view text) {
  return say(Direction::kToClient, std::as_bytes(std::span(text)));
}

TcpScript& TcpScript::acknowledge(Direction from) {
  append(from).head.ack = true;
  return *this;
}

TcpScript& TcpScript::full(Direction from) {
  acknowledge(from).segments_.back().head.full = true;
  return *this;
}

TcpScript& TcpScript::fin(Direction from) {
  append(from).head.fin = true;
  ++next_[index_of(from)];
  return *this;
}

TcpScript& TcpScript::reset(Direction from) {
  append(from).head.rst = true;
  return *this;
}

TcpScript& TcpScript::close() {
  return fin(Direction::kToServer).fin(Direction::kToClient).acknowledge(Direction::kToServer);
}

TcpScript& TcpScript::lose(Direction direction, std::size_t size) {
  next_[index_of(direction)] += static_cast<std::uint32_t>(size);
  return *this;
}

TcpScript& TcpScript::wait(std::chrono::nanoseconds time) {
  time_ += time;
  return *this;
}

}  // namespace tidegate::test
