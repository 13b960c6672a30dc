// SPDX-License-Identifier: Apache-2.0
// Who talks to whom. A connection has a client, which opened it, and a server.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "agent/base/address.hpp"

namespace tidegate::inspect {

using Bytes = std::span<const std::byte>;

struct Endpoint {
  Address address;
  std::uint16_t port = 0;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// One TCP connection. IPv4 addresses are v4-mapped, so that both families take one path.
struct Flow {
  Endpoint client;
  Endpoint server;

  friend auto operator<=>(const Flow&, const Flow&) = default;
};

enum class Direction : std::uint8_t { kToServer, kToClient };

constexpr Direction opposite(Direction direction) {
  return direction == Direction::kToServer ? Direction::kToClient : Direction::kToServer;
}
constexpr std::size_t index_of(Direction direction) { return static_cast<std::size_t>(direction); }

}  // namespace tidegate::inspect
