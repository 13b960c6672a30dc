// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/proxied.hpp"

#include <algorithm>

#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

constexpr int kMostElements = 32;
constexpr std::size_t kLongestAddress = 64;  // with brackets and port

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80", each also quoted.
std::optional<Address> address_of(std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  if (text.empty() || text.size() > kLongestAddress) return std::nullopt;
  if (text.front() == '[') {
    text = text.substr(1, text.find(']') - 1);
  } else if (std::ranges::count(text, ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  const auto address = Address::parse(text);
  return address ? std::optional(*address) : std::nullopt;
}

// The value of "for=" in one element of Forwarded.
std::string_view for_parameter(std::string_view element) {
  while (!element.empty()) {
    std::string_view value = take_until(element, ';');
    const std::string_view name = trimmed(take_until(value, '='));
    if (equals_any_case(name, "for")) return value;
  }
  return {};
}

template <class Part>
Rightmost rightmost(std::string_view value, std::span<const Prefix> proxies, Part part) {
  for (int i = 0; i < kMostElements; ++i) {
    const auto address = address_of(part(take_from_back(value, ',')));
    if (!address || !is_trusted(proxies, *address)) return {address, true};
    if (value.empty()) return {std::nullopt, false};
  }
  return {std::nullopt, true};
}

}  // namespace

bool is_trusted(std::span<const Prefix> proxies, const Address& address) {
  return std::ranges::any_of(proxies, [&](const Prefix& prefix) { return prefix.contains(address); });
}

Rightmost forwarded_for(std::string_view value, std::span<const Prefix> proxies) {
  return rightmost(value, proxies, [](std::string_view element) { return element; });
}

Rightmost forwarded(std::string_view value, std::span<const Prefix> proxies) {
  return rightmost(value, proxies, for_parameter);
}

}  // namespace tidegate::inspect::http
