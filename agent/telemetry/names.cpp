// SPDX-License-Identifier: Apache-2.0
#include "agent/telemetry/names.hpp"

#include <algorithm>
#include <array>

#include "bpf/abi/limits.h"
#include "bpf/abi/reasons.h"
#include "bpf/abi/state.h"

namespace tidegate::telemetry {
namespace {

constexpr bool PASS = false;
constexpr bool DROP = true;

struct ReasonText {
  std::string name;
  bool drops = false;
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

const std::array<ReasonText, TG_REASON_COUNT>& reasons() {
  static const auto table = [] {
    std::array<ReasonText, TG_REASON_COUNT> made;
#define TG_REASON(name, number, class, text) made[number] = {lower(#name), class};
#include "bpf/abi/reasons.def"
#undef TG_REASON
    return made;
  }();
  return table;
}

constexpr std::array<std::string_view, TG_FAULT_COUNT> kFaults = {"cas_exhausted", "set_full",      "claim_lost",
                                                                  "event_lost",    "lookup_budget", "map_missing"};

}  // namespace

std::string_view reason_name(unsigned reason) {
  return reason < TG_REASON_COUNT ? std::string_view(reasons()[reason].name) : "unknown";
}

bool is_drop_reason(unsigned reason) { return reason < TG_REASON_COUNT && reasons()[reason].drops; }

std::string_view fault_name(unsigned fault) { return fault < kFaults.size() ? kFaults[fault] : "unknown"; }

ServiceNames::ServiceNames() : ServiceNames(std::map<std::string, unsigned>{}) {}

ServiceNames::ServiceNames(const std::map<std::string, unsigned>& slots) : names_(TG_SERVICES) {
  for (std::size_t slot = 0; slot < names_.size(); ++slot) names_[slot] = "(slot " + std::to_string(slot) + ")";
  names_[TG_SERVICE_SAFELIST] = "(safelist)";
  names_[TG_SERVICE_PROXY] = "(proxies)";
  names_[TG_SERVICE_REPLIES] = "(replies)";
  names_[TG_SERVICE_LIMITED] = "(limited)";
  names_[TG_SERVICE_NONE] = "(none)";
  for (const auto& [name, slot] : slots) {
    if (slot < TG_POLICY_SERVICES) names_[slot] = name;
  }
}

const std::string& ServiceNames::of(unsigned slot) const {
  return slot < names_.size() ? names_[slot] : names_[TG_SERVICE_NONE];
}

}  // namespace tidegate::telemetry
