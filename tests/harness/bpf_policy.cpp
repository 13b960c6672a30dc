// SPDX-License-Identifier: Apache-2.0
// The configuring half of the fixture: a TestPolicy as the tables of abi/config.h.
#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

#include "bpf/abi/hash.h"
#include "tests/harness/bpf_fixture.hpp"

namespace tidegate::test {
namespace {

Address after(Address a) {
  if (++a.lo == 0) ++a.hi;
  return a;
}

void set_bits(tg_address_table& table, const Prefix& prefix) {
  if (prefix.is_v4()) {
    for (std::uint64_t lo = prefix.address.lo & ~0xffffULL; lo <= prefix.last().lo; lo += 0x10000) {
      const std::uint32_t bit = tg_filter4_bit(lo);
      table.filter4[bit / 64] |= 1ULL << (bit % 64);
    }
    return;
  }
  if (prefix.length < 32) {
    std::fill(std::begin(table.filter6), std::end(table.filter6), ~0ULL);
    return;
  }
  const std::uint32_t bit = tg_filter6_bit(prefix.address.hi);
  table.filter6[bit / 64] |= 1ULL << (bit % 64);
}

// Prefixes are disjoint.
void fill(tg_address_table& table, const std::vector<std::pair<Prefix, unsigned>>& prefixes) {
  std::map<Address, unsigned> starts{{Address{}, 0}};
  for (const auto& [prefix, value] : prefixes) {
    starts[prefix.address] = value;
    starts.try_emplace(after(prefix.last()), 0);
    set_bits(table, prefix);
  }
  for (const auto& [start, value] : starts) {
    table.start[table.count] = {start.hi, start.lo};
    table.value[table.count++] = static_cast<std::uint16_t>(value);
  }
}

void fill(tg_service_table& table, const std::vector<TestService>& services) {
  std::uint16_t next = 0;
  for (unsigned c = 0; c < TG_DESTINATION_CLASSES; ++c) {
    std::map<std::uint32_t, unsigned> starts{{0, TG_SERVICE_NONE}};
    for (const TestService& service : services) {
      if (service.destination_class != c) continue;
      for (const auto& [low, high] : service.points) {
        starts[low] = service.slot;
        starts.try_emplace(high + 1, TG_SERVICE_NONE);
      }
    }
    table.first[c] = next;
    for (const auto& [start, slot] : starts) {
      table.start[next] = start;
      table.service[next++] = static_cast<std::uint16_t>(slot);
    }
  }
  table.first[TG_DESTINATION_CLASSES] = next;
}

}  // namespace

tg_rate packet_rate(double per_second, double burst) {
  const double cost = std::ceil(1e9 / per_second);
  return {static_cast<std::uint64_t>(cost), static_cast<std::uint64_t>(cost * burst)};
}

tg_rate byte_rate(double per_second, double burst) {
  const double cost = 1e9 / per_second;
  return {static_cast<std::uint64_t>(std::ceil(cost * (1 << TG_BYTE_SHIFT))), static_cast<std::uint64_t>(cost * burst)};
}

std::pair<std::uint32_t, std::uint32_t> tcp_port(unsigned port) { return {TG_POINT(6, 1, port), TG_POINT(6, 1, port)}; }
std::pair<std::uint32_t, std::uint32_t> udp_port(unsigned port) {
  return {TG_POINT(17, 1, port), TG_POINT(17, 1, port)};
}
std::pair<std::uint32_t, std::uint32_t> whole_protocol(unsigned protocol) {
  return {TG_POINT(protocol, 0, 0), TG_POINT(protocol, 1, 65535)};
}

TestPolicy::TestPolicy() {
  host.generation = 1;
  host.flags = TG_HOST_ENFORCE | TG_HOST_DROP_MALFORMED;
  host.source_mask_v4 = ~0ULL;
  host.source_mask_v6 = {~0ULL, 0};
  host.replies = packet_rate(1e6, 1e6);
  host.neighbour = packet_rate(1000, 1000);
  host.icmp_error = packet_rate(1000, 1000);
  host.replies_tweak = 0x5eed5eed5eed0001;
  host.limited_tweak = 0x5eed5eed5eed0002;
  host.default_service = TG_SERVICE_NONE;
}

void Program::configure(const TestPolicy& policy, unsigned half) {
  auto ranges = std::make_unique<tg_service_table>();
  auto sources = std::make_unique<tg_address_table>();
  auto destinations = std::make_unique<tg_address_table>();
  tg_host host = policy.host;
  std::vector<std::pair<Prefix, unsigned>> source_prefixes, destination_prefixes;
  unsigned index = 0;
  for (const TestSource& source : policy.sources) {
    source_prefixes.emplace_back(prefix_of(source.prefix), ++index);
    set_value("source_entries", half * TG_SOURCE_ENTRIES + index, source.entry);
  }
  for (const auto& [prefix, number] : policy.destinations) destination_prefixes.emplace_back(prefix_of(prefix), number);
  for (const TestService& service : policy.services) {
    tg_service compiled = service.limits;
    if (compiled.tweak == 0) compiled.tweak = tg_mix(service.slot + 1);
    set_value("services", half * TG_SERVICES + service.slot, compiled);
  }
  fill(*ranges, policy.services);
  fill(*sources, source_prefixes);
  fill(*destinations, destination_prefixes);
  if (!policy.sources.empty()) host.flags |= TG_HOST_HAS_SOURCES;
  if (!policy.destinations.empty()) host.flags |= TG_HOST_HAS_DESTINATIONS;
  set_value("ranges", half, *ranges);
  set_value("sources", half, *sources);
  set_value("destinations", half, *destinations);
  set_value("host", half, host);
}

void Program::activate(unsigned half) { __atomic_store_n(&control_->active, half, __ATOMIC_RELEASE); }

std::string reason_name(unsigned reason) {
  switch (reason) {
#define TG_REASON(name, number, class, text) \
  case number:                               \
    return #name;
#include "bpf/abi/reasons.def"
#undef TG_REASON
    default:
      return "reason " + std::to_string(reason);
  }
}

std::string to_string(const Verdict& verdict) {
  return std::string(verdict.dropped ? "drop " : "pass ") + reason_name(verdict.reason) + " of service " +
         std::to_string(verdict.service);
}

}  // namespace tidegate::test
