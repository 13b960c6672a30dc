// SPDX-License-Identifier: Apache-2.0
// What an event about a decision says, as values: for programs that read events.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/base/clock.hpp"

namespace tidegate::telemetry {

// Why a behaviour rule fired. Nothing of it that its sender could not know to be logged: no value of a query, cookie,
// header or body; identities are keyed hashes.
struct RuleFinding {
  struct Endpoint {
    Address address{};  // all zero: not known
    std::uint16_t port = 0;
  };
  struct Example {
    std::string path_template;
    WallTime time{};
  };

  std::string rule;         // empty: an alarm of all rules together
  std::string outcome;      // "enforced", "shadow", "monitor", or what held it back: "nat_guard", …
  std::string explanation;  // of what held it back, for a person
  std::string service;
  Endpoint client;  // the connection of the request that made it fire
  Endpoint server;
  Address named{};                // the client that a trusted proxy named; then `client` is the proxy
  std::optional<Prefix> source;   // what the rule is keyed by
  std::string session;            // as hexadecimal digits; empty: not keyed by it
  std::string account;            // likewise
  std::string ja4;                // likewise
  WallTime time{};                // of that request
  std::chrono::seconds lasts{0};  // of the decision, after escalation
  unsigned repetition = 1;
  int priority = 0;

  std::string evidence;  // "12 requests within 1m (10 or more)"
  double observed = 0;
  double threshold = 0;
  bool estimated = false;
  std::chrono::seconds window{0};
  std::vector<Example> examples;
};

struct DecisionDetail {
  enum class Change {
    kMade,      // stored and enforced
    kReported,  // a rule decided what is not enforced
    kRefused,   // a rule decided what could not be enforced
    kExpired,
    kRemoved,
    kImported,
    kAlarm,  // a cap of rules was reached
  };

  Change change = Change::kMade;
  std::int64_t id = 0;  // 0: not stored
  std::string action;   // "block", "limit", "monitor"; empty: none
  std::optional<Prefix> target;
  std::string origin;
  std::string actor;
  std::string reason;
  std::optional<WallTime> created;
  std::optional<WallTime> expires;
  std::string packets;      // of a limit: "5/s"
  std::string bytes;        // likewise: "1MB/s"
  std::uint64_t count = 1;  // decisions that it stands for
  std::optional<RuleFinding> finding;
};

std::string_view to_string(DecisionDetail::Change change);  // "made", "reported", …

}  // namespace tidegate::telemetry
