// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/model/settings.hpp"

#include <algorithm>

namespace tidegate::inspect {
namespace {

bool serves(const InspectedService& service, const Address& address, std::uint16_t port) {
  const auto has_port = [port](const auto& range) { return range.first <= port && port <= range.second; };
  const auto has_address = [&address](const Prefix& prefix) { return prefix.contains(address); };
  return (service.ports.empty() || std::ranges::any_of(service.ports, has_port)) &&
         (service.addresses.empty() || std::ranges::any_of(service.addresses, has_address));
}

}  // namespace

const InspectedService* service_of(const Settings& settings, const Address& address, std::uint16_t port) {
  const auto found = std::ranges::find_if(
      settings.services, [&](const InspectedService& service) { return serves(service, address, port); });
  return found == settings.services.end() || found->excluded ? nullptr : &*found;
}

}  // namespace tidegate::inspect
