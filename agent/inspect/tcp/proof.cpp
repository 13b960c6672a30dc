// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/proof.hpp"

namespace tidegate::inspect {
namespace {

std::uint32_t end_of(const Segment& segment) {
  const auto size = static_cast<std::uint32_t>(segment.payload.size()) + segment.cut;
  return segment.sequence + size + (segment.fin ? 1 : 0);
}

}  // namespace

bool Proof::take(Direction direction, const Segment& segment, HalfStream& client) {
  if (given_) return false;
  given_ = direction == Direction::kToServer ? from_client(segment, client) : from_server(segment, client);
  if (given_ && !client.started() && client_next_) client.start(*client_next_);
  return given_;
}

bool Proof::from_client(const Segment& segment, const HalfStream& client) {
  if (client.started() && client.ahead(segment.sequence) != 0) return false;
  client_next_ = segment.sequence;
  client_knows_ = segment.acknowledged;
  return server_next_ == segment.acknowledged;
}

// Sent again, or a question whether the client is still there, is behind what the server said before.
bool Proof::from_server(const Segment& segment, const HalfStream& client) {
  const std::uint32_t end = end_of(segment);
  const bool carries = !segment.payload.empty() || segment.cut > 0;
  if (!server_next_ || static_cast<std::int32_t>(end - *server_next_) > 0) server_next_ = end;
  if (client_knows_ == segment.sequence) return true;
  if (!carries || !segment.ack) return false;
  return client.started() ? client.ahead(segment.acknowledged) == 0 : client_next_ == segment.acknowledged;
}

}  // namespace tidegate::inspect
