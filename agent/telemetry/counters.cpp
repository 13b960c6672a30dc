// SPDX-License-Identifier: Apache-2.0
#include "agent/telemetry/counters.hpp"

#include <algorithm>

#include "bpf/abi/limits.h"
#include "bpf/abi/reasons.h"

namespace tidegate::telemetry {
namespace {

void sum(tg_counter& into, const tg_counter& from) {
  into.dropped_packets += from.dropped_packets;
  into.dropped_bytes += from.dropped_bytes;
  into.passed_packets += from.passed_packets;
  into.passed_bytes += from.passed_bytes;
}

bool is_zero(const tg_counter& counter) { return counter.dropped_packets == 0 && counter.passed_packets == 0; }

Rates rates(std::uint64_t packets, std::uint64_t earlier_packets, std::uint64_t bytes, std::uint64_t earlier_bytes,
            double seconds) {
  if (seconds <= 0 || packets < earlier_packets || bytes < earlier_bytes) return {};
  return {static_cast<double>(packets - earlier_packets) / seconds,
          8 * static_cast<double>(bytes - earlier_bytes) / seconds};
}

CounterRow row(std::string name, unsigned number, const tg_counter& now, const tg_counter& before, double seconds) {
  return {
      .name = std::move(name),
      .number = number,
      .passed = {now.passed_packets, now.passed_bytes},
      .dropped = {now.dropped_packets, now.dropped_bytes},
      .would_drop = {},
      .passed_rate = rates(now.passed_packets, before.passed_packets, now.passed_bytes, before.passed_bytes, seconds),
      .dropped_rate =
          rates(now.dropped_packets, before.dropped_packets, now.dropped_bytes, before.dropped_bytes, seconds)};
}

struct Sums {
  std::vector<tg_counter> services = std::vector<tg_counter>(TG_SERVICES);
  std::vector<tg_counter> reasons = std::vector<tg_counter>(TG_REASON_COUNT);
  std::vector<Traffic> would_drop = std::vector<Traffic>(TG_SERVICES);
};

Sums sums_of(const kernel::Counters& counters) {
  Sums sums;
  for (std::size_t at = 0; at < counters.by_service_reason.size(); ++at) {
    const tg_counter& counter = counters.by_service_reason[at];
    const std::size_t service = at / TG_REASON_SLOTS;
    const unsigned reason = at % TG_REASON_SLOTS;
    if (service >= TG_SERVICES || reason >= TG_REASON_COUNT) continue;
    sum(sums.services[service], counter);
    sum(sums.reasons[reason], counter);
    if (is_drop_reason(reason)) {
      sums.would_drop[service].packets += counter.passed_packets;
      sums.would_drop[service].bytes += counter.passed_bytes;
    }
  }
  return sums;
}

void add_interfaces(CounterView& view, const kernel::Counters& newest, const kernel::Counters& oldest, double seconds) {
  for (const auto& [ifindex, counter] : newest.by_ifindex) {
    const auto before = oldest.by_ifindex.find(ifindex);
    view.interfaces.push_back(
        row("", ifindex, counter, before == oldest.by_ifindex.end() ? counter : before->second, seconds));
  }
}

}  // namespace

void CounterHistory::add(kernel::Counters counters, MonotonicTime when) {
  while (snapshots_.size() >= 2 && when - snapshots_[1].when >= kSpan) snapshots_.erase(snapshots_.begin());
  snapshots_.push_back({when, std::move(counters)});
}

std::optional<std::chrono::nanoseconds> CounterHistory::age(MonotonicTime now) const {
  if (snapshots_.empty()) return std::nullopt;
  return now - snapshots_.back().when;
}

std::vector<ExactCount> CounterHistory::exact(const ServiceNames& names) const {
  std::vector<ExactCount> counts;
  if (snapshots_.empty()) return counts;
  const auto& counters = snapshots_.back().counters.by_service_reason;
  for (std::size_t at = 0; at < counters.size(); ++at) {
    const tg_counter& counter = counters[at];
    if (is_zero(counter)) continue;
    counts.push_back({.service = names.of(static_cast<unsigned>(at / TG_REASON_SLOTS)),
                      .reason = static_cast<unsigned>(at % TG_REASON_SLOTS),
                      .passed = {counter.passed_packets, counter.passed_bytes},
                      .dropped = {counter.dropped_packets, counter.dropped_bytes}});
  }
  return counts;
}

CounterView CounterHistory::view(const ServiceNames& names) const {
  CounterView view;
  if (snapshots_.empty()) return view;
  const Snapshot& newest = snapshots_.back();
  const Snapshot& oldest = snapshots_.front();
  const double seconds = std::chrono::duration<double>(newest.when - oldest.when).count();
  const Sums now = sums_of(newest.counters);
  const Sums before = sums_of(oldest.counters);
  for (unsigned slot = 0; slot < TG_SERVICES; ++slot) {
    if (is_zero(now.services[slot])) continue;
    view.services.push_back(row(names.of(slot), slot, now.services[slot], before.services[slot], seconds));
    const Traffic& earlier = before.would_drop[slot];
    view.services.back().would_drop = now.would_drop[slot];
    view.services.back().would_drop_rate =
        rates(now.would_drop[slot].packets, earlier.packets, now.would_drop[slot].bytes, earlier.bytes, seconds);
  }
  for (unsigned reason = 0; reason < TG_REASON_COUNT; ++reason) {
    if (is_zero(now.reasons[reason])) continue;
    view.reasons.push_back(
        row(std::string(reason_name(reason)), reason, now.reasons[reason], before.reasons[reason], seconds));
    if (!is_drop_reason(reason)) continue;
    view.reasons.back().would_drop = view.reasons.back().passed;
    view.reasons.back().would_drop_rate = view.reasons.back().passed_rate;
  }
  add_interfaces(view, newest.counters, oldest.counters, seconds);
  view.faults = newest.counters.faults;
  return view;
}

}  // namespace tidegate::telemetry
