// SPDX-License-Identifier: Apache-2.0
// What a policy means, read straight from the model without any table; and what the compiled tables answer, with the
// datapath's own searches. The two have to agree.
#pragma once

#include <compare>
#include <optional>
#include <string>

#include "agent/policy/compile.hpp"

namespace tidegate::policy {

struct Packet {
  Address source;
  Address destination;
  std::uint8_t protocol = 0;
  std::optional<std::uint16_t> port;  // of the destination
  unsigned ifindex = 0;
};

// How a packet's source is treated before services are asked.
struct SourceAnswer {
  tg_source_kind kind;
  std::uint64_t cost;  // of its ceiling
  friend bool operator==(const SourceAnswer&, const SourceAnswer&) = default;
};

std::optional<std::string> service_by_model(const Policy& policy, const Packet& packet);
std::optional<SourceAnswer> source_by_model(const CompileInput& input, const Packet& packet);

std::optional<std::string> service_by_tables(const Compiled& compiled, const Packet& packet);
std::optional<SourceAnswer> source_by_tables(const Compiled& compiled, const Packet& packet);

}  // namespace tidegate::policy
