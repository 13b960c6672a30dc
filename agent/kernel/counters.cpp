// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/counters.hpp"

#include "bpf/abi/reasons.h"

namespace tidegate::kernel {
namespace {

tg_counter sum(const tg_counter* per_cpu, unsigned cpus) {
  tg_counter total{};
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    total.dropped_packets += per_cpu[cpu].dropped_packets;
    total.dropped_bytes += per_cpu[cpu].dropped_bytes;
    total.passed_packets += per_cpu[cpu].passed_packets;
    total.passed_bytes += per_cpu[cpu].passed_bytes;
  }
  return total;
}

}  // namespace

Counters read_counters(const MapSet& maps, const std::vector<unsigned>& slots, const std::vector<unsigned>& ifindexes) {
  const unsigned cpus = possible_cpus();
  Counters counters;
  counters.by_service_reason.resize(std::size_t{TG_SERVICES} * TG_REASON_SLOTS);
  std::vector<tg_counter> values(std::size_t{TG_REASON_COUNT} * cpus);
  for (const unsigned slot : slots) {
    const unsigned first = slot * TG_REASON_SLOTS;
    if (!maps.read_many("counters", first, TG_REASON_COUNT, values.data(), sizeof(tg_counter) * cpus)) continue;
    for (unsigned reason = 0; reason < TG_REASON_COUNT; ++reason) {
      counters.by_service_reason[first + reason] = sum(&values[std::size_t{reason} * cpus], cpus);
    }
  }
  for (const unsigned ifindex : ifindexes) {
    if (!maps.read("interfaces", ifindex % TG_INTERFACES, values.data())) continue;
    counters.by_ifindex[ifindex] = sum(values.data(), cpus);
  }
  std::vector<std::uint64_t> per_cpu(cpus);
  for (unsigned fault = 0; fault < TG_FAULT_COUNT; ++fault) {
    std::uint64_t total = 0;
    if (maps.read("faults", fault, per_cpu.data())) {
      for (const auto count : per_cpu) total += count;
    }
    counters.faults.push_back(total);
  }
  return counters;
}

}  // namespace tidegate::kernel
