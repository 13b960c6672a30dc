// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/opening.hpp"

#include <algorithm>

#include "agent/inspect/tcp/half_stream.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::size_t kSynOverhead = 64;

}  // namespace

SynData::SynData(Bytes bytes, MemoryShare& memory) : bytes_(bytes.begin(), bytes.end()), memory_(memory) {}
SynData::~SynData() { memory_.give_back(bytes_.size() + kSynOverhead); }

std::unique_ptr<SynData> SynData::keep(Bytes bytes, MemoryShare& memory) {
  if (bytes.empty() || !memory.take(bytes.size() + kSynOverhead)) return nullptr;
  return std::make_unique<SynData>(bytes, memory);
}

void Opening::answer(const Segment& syn_ack) {
  server = syn_ack.sequence;
  server_window = syn_ack.window;
  server_scale = syn_ack.scale.value_or(kNoScale);
  const std::uint32_t sent = data == nullptr ? 0 : static_cast<std::uint32_t>(data->bytes().size());
  const std::uint32_t taken = client ? syn_ack.acknowledged - (*client + 1) : ~0U;
  if (taken <= sent) {
    accepted = taken;
    return;
  }
  client = syn_ack.acknowledged - 1;
  accepted = 0;
  client_scale = kNoScale;
  data.reset();
}

// RFC 7323, 2.2: a server offers it only to a client that did, and without both offers nothing is scaled.
std::uint8_t Opening::scale(Direction direction) const {
  if (!server) return kMostScale;
  if (server_scale == kNoScale) return 0;
  const std::uint8_t said = direction == Direction::kToServer ? server_scale : client_scale;
  return std::min(said, kMostScale);
}

bool Opening::completed_by(const Segment& from_client) const {
  return client && server && from_client.ack && from_client.acknowledged == *server + 1 &&
         from_client.sequence == *client + 1 + accepted;
}

bool Opening::contradicted_by(const Segment& from_client) const {
  return server && from_client.acknowledged - (*server + 1) > kReach;
}

bool Opening::reset_by(const Segment& segment, bool from_client) const {
  if (from_client) return client && segment.sequence == *client + 1 + accepted;
  if (server) return segment.sequence == *server + 1;
  const std::uint32_t sent = data == nullptr ? 0 : static_cast<std::uint32_t>(data->bytes().size());
  return client && segment.ack && segment.acknowledged - (*client + 1) <= sent;
}

Bytes Opening::early_data(const Segment* from_client) const {
  if (data == nullptr) return {};
  if (server) return data->bytes().first(accepted);
  const auto size = static_cast<std::uint32_t>(data->bytes().size());
  const bool follows = from_client != nullptr && client && from_client->sequence == *client + 1 + size;
  return follows ? data->bytes() : Bytes{};
}

}  // namespace tidegate::inspect
