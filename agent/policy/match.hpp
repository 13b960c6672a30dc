// SPDX-License-Identifier: Apache-2.0
// How a service names packets: "tcp/443", "udp/1000-2000", "gre", "47".
#pragma once

#include <string>
#include <string_view>

#include "agent/base/error.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::policy {

// Ports only for protocols of which the datapath reads them (tcp, udp, sctp). The location is left empty.
Result<Match> parse_match(std::string_view text);

std::string protocol_name(std::uint8_t protocol);  // "tcp", "89"
std::string format_match(const Match& match);

}  // namespace tidegate::policy
