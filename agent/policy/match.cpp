// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/match.hpp"

#include <array>
#include <charconv>
#include <optional>

#include "agent/policy/report.hpp"

namespace tidegate::policy {
namespace {

struct Protocol {
  std::string_view name;
  std::uint8_t number;
  bool has_ports;
};

// IANA assigned Internet protocol numbers.
constexpr std::array<Protocol, 7> kProtocols{{{"tcp", 6, true},
                                              {"udp", 17, true},
                                              {"icmp", 1, false},
                                              {"icmpv6", 58, false},
                                              {"gre", 47, false},
                                              {"esp", 50, false},
                                              {"sctp", 132, true}}};

// A whole number of at most `most`, without sign or leading zero.
std::optional<unsigned> number(std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  if (error != std::errc{} || end != text.data() + text.size() || leading_zero || value > most) return std::nullopt;
  return value;
}

std::optional<std::uint8_t> protocol_of(std::string_view text) {
  for (const Protocol& protocol : kProtocols) {
    if (protocol.name == text) return protocol.number;
  }
  const auto value = number(text, 255);
  if (!value) return std::nullopt;
  return static_cast<std::uint8_t>(*value);
}

bool has_ports(std::uint8_t protocol) {
  for (const Protocol& known : kProtocols) {
    if (known.number == protocol) return known.has_ports;
  }
  return false;
}

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(ErrorCode::kInvalidArgument, in_quotes(text) + " " + std::string(why));
}

}  // namespace

Result<Match> parse_match(std::string_view text) {
  const auto slash = text.find('/');
  const auto protocol = protocol_of(text.substr(0, slash));
  if (!protocol) {
    return bad(
        text,
        "names no protocol; write tcp, udp, icmp, icmpv6, gre, esp, sctp or a number up to 255, for example tcp/443");
  }
  Match match{.protocol = *protocol, .ports = {}, .location = {}};
  if (slash == text.npos) return match;
  if (!has_ports(*protocol))
    return bad(text, "has a port, but only tcp, udp and sctp have ports; write " + protocol_name(*protocol));
  const std::string_view ports = text.substr(slash + 1);
  const auto dash = ports.find('-');
  const auto low = number(ports.substr(0, dash), 65535);
  const auto high = dash == ports.npos ? low : number(ports.substr(dash + 1), 65535);
  if (!low || !high)
    return bad(text, "has no port or port range between 0 and 65535, for example tcp/443 or udp/5000-5999");
  if (*low > *high) return bad(text, "has a range that ends before it begins");
  match.ports = {static_cast<std::uint16_t>(*low), static_cast<std::uint16_t>(*high)};
  return match;
}

std::string protocol_name(std::uint8_t protocol) {
  for (const Protocol& known : kProtocols) {
    if (known.number == protocol) return std::string(known.name);
  }
  return std::to_string(protocol);
}

std::string format_match(const Match& match) {
  std::string text = protocol_name(match.protocol);
  if (!match.ports) return text;
  text += "/" + std::to_string(match.ports->first);
  if (match.ports->second != match.ports->first) text += "-" + std::to_string(match.ports->second);
  return text;
}

}  // namespace tidegate::policy
