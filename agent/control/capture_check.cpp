// SPDX-License-Identifier: Apache-2.0
#include "agent/control/capture_check.hpp"

#include <algorithm>

namespace tidegate::control {
namespace {

using inspect::Counter;

constexpr std::uint8_t kTcp = 6;
constexpr std::uint64_t kFewPackets = 20;  // may still be on their way
// Of a sample a few connections may all be left out.
constexpr double kFewSampled = 10'000;
constexpr unsigned kSure = 2;  // once may be the delay between the two counts

std::uint64_t few(const inspection::Report& inspector) {
  if (inspector.sample >= 1) return kFewPackets;
  return static_cast<std::uint64_t>(kFewSampled / std::max(inspector.sample, 1e-6));
}

bool is_tcp_only(const policy::Service& service) {
  return !service.is_default &&
         std::ranges::all_of(service.match, [](const auto& match) { return match.protocol == kTcp; });
}

std::uint64_t passed_by(const telemetry::CounterView& counters, const std::string& service) {
  const auto row = std::ranges::find(counters.services, service, &telemetry::CounterRow::name);
  return row == counters.services.end() ? 0 : row->passed.packets;
}

}  // namespace

void CaptureCheck::begin(const telemetry::CounterView& counters, const inspection::Report& inspector) {
  comparing_ = true;
  packets_ = inspector.counters.of(Counter::kPackets);
  passed_.clear();
  suspicions_.clear();
  for (const auto& row : counters.services) passed_[row.name] = row.passed.packets;
}

std::vector<std::string> CaptureCheck::look(const policy::Policy& policy, const telemetry::CounterView& counters,
                                            const inspection::Report& inspector) {
  const bool comparable =
      inspector.state == inspection::State::kRunning && inspector.shedding == 0 && inspector.sample > 0;
  if (!comparable || !comparing_ || inspector.counters.of(Counter::kPackets) != packets_) {
    begin(counters, inspector);
    comparing_ = comparable;
    return {};
  }
  std::vector<std::string> warnings;
  for (const auto& service : policy.services) {
    if (!service.inspection.wanted()) continue;
    const std::uint64_t now = passed_by(counters, service.name);
    std::uint64_t& before = passed_[service.name];
    before = std::min(before, now);  // its slot may have been another's
    if (now - before < few(inspector) || ++suspicions_[service.name] < kSure) continue;
    warnings.push_back("blind: service " + service.name + " had " + std::to_string(now - before) +
                       " packets since the inspector was last given one" +
                       (is_tcp_only(service) ? "" : ", unless none of them was TCP") +
                       "; see that its traffic uses an Ethernet interface of the policy");
  }
  return warnings;
}

}  // namespace tidegate::control
