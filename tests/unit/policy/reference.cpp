// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/policy/reference.hpp"

#include <algorithm>
#include <tuple>

#include "agent/policy/rates.hpp"
#include "tests/unit/policy/search.hpp"

namespace tidegate::policy {
namespace {

bool holds(const Prefix& prefix, Address address) {
  return prefix.is_v4() == address.is_v4() && prefix.contains(address);
}

// Length of the longest of the service's addresses that holds the destination; 0 when it names none.
std::optional<int> address_rank(const Service& service, Address destination) {
  if (service.addresses.empty()) return -1;
  std::optional<int> best;
  for (const Prefix& prefix : service.addresses) {
    if (holds(prefix, destination)) best = std::max(best.value_or(-1), static_cast<int>(prefix.length));
  }
  return best;
}

// Width of the narrowest match that takes the packet.
std::optional<int> match_width(const Service& service, const Packet& packet) {
  std::optional<int> best;
  for (const Match& match : service.match) {
    if (match.protocol != packet.protocol) continue;
    int width = 1 << 20;
    if (match.ports) {
      if (!packet.port || *packet.port < match.ports->first || *packet.port > match.ports->second) continue;
      width = match.ports->second - match.ports->first;
    }
    best = std::min(best.value_or(width), width);
  }
  return best;
}

std::optional<std::string> name_of_slot(const Compiled& compiled, unsigned slot) {
  for (const auto& [name, owned] : compiled.slots) {
    if (owned == slot) return name;
  }
  return std::nullopt;
}

struct Candidate {
  Prefix prefix;
  bool bound;
  SourceAnswer answer;
};

std::uint64_t ceiling_cost(const std::optional<Rate>& ceiling) {
  return to_gcra(ceiling.value_or(kDefaultCeiling), std::nullopt, false, std::chrono::nanoseconds(0))->cost;
}

}  // namespace

std::optional<std::string> service_by_model(const Policy& policy, const Packet& packet) {
  std::optional<std::string> best;
  std::tuple<int, int> best_rank;  // more specific is less
  for (const Service& service : policy.services) {
    const auto rank = address_rank(service, packet.destination);
    const auto width = match_width(service, packet);
    if (!rank || !width) continue;
    const std::tuple candidate(-*rank, *width);
    if (!best || candidate < best_rank) best = service.name, best_rank = candidate;
  }
  if (best) return best;
  for (const Service& service : policy.services) {
    if (service.is_default) return service.name;
  }
  return std::nullopt;
}

std::optional<SourceAnswer> source_by_model(const CompileInput& input, const Packet& packet) {
  std::vector<Candidate> candidates;
  const auto add = [&](const Prefix& prefix, const std::optional<std::string>& interface, SourceAnswer answer) {
    if (!holds(prefix, packet.source)) return;
    if (interface && input.ifindex_of(*interface) != packet.ifindex) return;
    candidates.push_back({prefix, interface.has_value(), answer});
  };
  for (const SafelistEntry& entry : input.policy.safelist) {
    add(entry.prefix, entry.interface, {TG_SOURCE_SAFELIST, ceiling_cost(entry.ceiling)});
  }
  for (const TrustedProxy& proxy : input.policy.trusted_proxies) {
    add(proxy.prefix, std::nullopt, {TG_SOURCE_PROXY, ceiling_cost(proxy.ceiling)});
  }
  for (const SafelistEntry& entry : input.extra_safelist) {
    add(entry.prefix, entry.interface, {TG_SOURCE_SAFELIST, ceiling_cost(entry.ceiling)});
  }
  const auto less = [](const Candidate& a, const Candidate& b) {
    return std::tuple(a.prefix.length, a.bound) < std::tuple(b.prefix.length, b.bound);
  };
  // max_element takes the first of equals: the policy's own before the CLI's.
  const auto best = std::max_element(candidates.begin(), candidates.end(), less);
  if (best == candidates.end()) return std::nullopt;
  return best->answer;
}

std::optional<std::string> service_by_tables(const Compiled& compiled, const Packet& packet) {
  const Image& image = *compiled.image;
  const unsigned destination = address_value(image.destinations, packet.destination);
  const auto point = TG_POINT(packet.protocol, packet.port ? 1 : 0, packet.port.value_or(0));
  unsigned slot = tg_service_of(&image.ranges, destination, point);
  if (slot == TG_SERVICE_NONE) slot = image.host.default_service;
  return name_of_slot(compiled, slot);
}

std::optional<SourceAnswer> source_by_tables(const Compiled& compiled, const Packet& packet) {
  const Image& image = *compiled.image;
  if ((image.host.flags & TG_HOST_HAS_SOURCES) == 0) return std::nullopt;
  unsigned at = address_value(image.sources, packet.source);
  for (unsigned tried = 0; at != 0 && tried < TG_SOURCE_CHAIN; ++tried) {
    const tg_source_entry& entry = image.entries[at];
    if (entry.ifindex == 0 || entry.ifindex == packet.ifindex) {
      return SourceAnswer{static_cast<tg_source_kind>(entry.kind), entry.ceiling.cost};
    }
    at = entry.next;
  }
  return std::nullopt;
}

}  // namespace tidegate::policy
