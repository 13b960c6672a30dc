// SPDX-License-Identifier: Apache-2.0
#include "agent/control/inspection_warnings.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate::control {
namespace {

using inspect::Counter;
using inspection::Report;
using inspection::State;
using Warnings = std::vector<std::string>;

constexpr std::uint64_t kFewConnections = 10;  // below, a few whose keys were late would be taken for a part

std::string percent(double share) { return std::to_string(std::lround(share * 100)) + " %"; }

void down(Warnings& warnings, const Report& inspector) {
  if (inspector.state == State::kRunning || inspector.state == State::kOff) return;
  if (inspector.state == State::kStarting && inspector.problem.empty()) return;
  warnings.push_back("nothing is inspected, the inspector is " + std::string(to_string(inspector.state)) +
                     (inspector.problem.empty() ? "" : ": " + inspector.problem));
}

constexpr const char* kShareKeys = " had no keys; let the TLS server share them (docs/key-sharing.md)";

// True: there were connections, and not one was read.
bool nothing_read(const inspect::Counters& counters) {
  return counters.of(Counter::kNoKey) > 0 && counters.of(Counter::kDecrypted) == 0;
}

// A quiet site may have no connection in a minute, and is blind all the same.
void blind(Warnings& warnings, const Report& inspector) {
  const std::uint64_t without = inspector.recent.of(Counter::kNoKey);
  const std::uint64_t all = without + inspector.recent.of(Counter::kDecrypted);
  if (nothing_read(inspector.counters)) {
    warnings.push_back("blind: all " + std::to_string(inspector.counters.of(Counter::kNoKey)) +
                       " TLS connections since the agent started" + kShareKeys);
  } else if (nothing_read(inspector.recent) || (all >= kFewConnections && without * 2 > all)) {
    warnings.push_back("blind: " + std::to_string(without) + " of " + std::to_string(all) +
                       " TLS connections of the last minute" + kShareKeys);
  } else if (without >= kFewConnections && without * 10 >= all) {
    warnings.push_back("part of the TLS connections has no keys: " + std::to_string(without) + " of " +
                       std::to_string(all) + " of the last minute" + kShareKeys);
  }
}

void not_captured(Warnings& warnings, const Report& inspector) {
  for (const auto& interface : inspector.unreadable_interfaces) {
    warnings.push_back("blind: " + interface + " is not inspected, its frames are neither Ethernet nor IP");
  }
}

void unreadable(Warnings& warnings, const Report& inspector) {
  const std::uint64_t ciphers = inspector.recent.of(Counter::kUnsupportedCipher);
  if (ciphers == 0) return;
  warnings.push_back(std::to_string(ciphers) +
                     " TLS connections of the last minute have a version or cipher suite that cannot be read");
}

void losing(Warnings& warnings, const Report& inspector) {
  if (const auto packets = inspector.recent.of(Counter::kRingDropped); packets > 0) {
    warnings.push_back("losing: " + std::to_string(packets) +
                       " packets of the last minute were not inspected, the capture ring was full; raise "
                       "inspect.cores or inspect.memory, or lower inspect.sample");
  }
  if (const auto summaries = inspector.recent.of(Counter::kSummariesDropped); summaries > 0) {
    warnings.push_back("losing: " + std::to_string(summaries) +
                       " requests of the last minute were seen but not taken by the agent in time");
  }
  if (const auto lines = inspector.recent.of(Counter::kKeySourceDropped); lines > 0) {
    warnings.push_back("losing: TLS servers dropped " + std::to_string(lines) + " key lines in the last minute");
  }
}

void shedding(Warnings& warnings, const Report& inspector) {
  if (inspector.shedding == 0) return;
  warnings.push_back("overloaded: " + percent(inspector.shed_share) + " of new connections are not inspected" +
                     (inspector.shedding > 1 ? ", and of the others not what servers send" : ""));
}

void key_sources(Warnings& warnings, const Report& inspector) {
  for (const auto& source : inspector.keys) {
    if (!source.problem.empty()) warnings.push_back("keys: " + source.problem);
  }
}

void payloads(Warnings& warnings, const Report& inspector) {
  const auto& examiner = inspector.payloads;
  if (examiner.state != State::kOff && examiner.state != State::kRunning && !examiner.problem.empty())
    warnings.push_back("payloads are not examined: " + examiner.problem);
  if (examiner.state == State::kRunning && !examiner.sandboxed)
    warnings.push_back("the examiner of payloads runs without its whole sandbox on this kernel");
}

void unsafe(Warnings& warnings, const Report& inspector) {
  if (inspector.state != State::kRunning) return;
  if (!inspector.sandboxed) {
    warnings.push_back(
        "the inspector runs without its whole sandbox on this kernel; a fault in it could reach further");
  }
  if (inspector.secrets_locked) return;
  warnings.push_back(inspector.key_store_locked
                         ? "session keys in use are not locked in memory and may be swapped, only their store is "
                           "locked; set LimitMEMLOCK=infinity"
                         : "session keys are not locked in memory and may be swapped; set LimitMEMLOCK=infinity");
}

}  // namespace

void inspection_warnings(Warnings& warnings, const Report& inspector) {
  if (inspector.state == State::kOff) return;
  down(warnings, inspector);
  not_captured(warnings, inspector);
  blind(warnings, inspector);
  losing(warnings, inspector);
  shedding(warnings, inspector);
  unreadable(warnings, inspector);
  key_sources(warnings, inspector);
  payloads(warnings, inspector);
  unsafe(warnings, inspector);
}

}  // namespace tidegate::control
