// SPDX-License-Identifier: Apache-2.0
// What is known of the inspector, and what the rest of the agent may ask of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/error.hpp"
#include "agent/inspect/model/counters.hpp"
#include "agent/inspection/endpoint_figures.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::inspection {

enum class State {
  kOff,         // no service asks for inspection
  kStarting,    // its process is there, but not in its sandbox yet
  kRunning,     //
  kRestarting,  // it ended and is started again in a moment
  kFailed,      // it ended several times before it was running; tried again every ten seconds
};
std::string_view to_string(State state);  // "off", "starting", …

inline constexpr std::string_view kPublishKind = "publish";  // through KeyService

// Keys that came one way.
struct KeySourceReport {
  std::string kind;  // "socket", "fifo", "file", "haproxy_log", "publish"
  std::string path;  // empty for "publish"
  std::uint64_t accepted = 0;
  std::uint64_t malformed = 0;
  std::uint64_t dropped = 0;                               // as senders report, or for want of room
  std::uint64_t refused = 0;                               // senders without the right to be one
  std::uint64_t senders = 0;                               // connected now
  std::optional<std::chrono::nanoseconds> last_seen = {};  // age of the last accepted line; none: there was none
  std::string problem = {};                                // why nothing can come, or who may not send
};

// The examiner of payloads, which the inspector hands requests to.
struct PayloadReport {
  State state = State::kOff;  // off: no service asks for it
  std::string problem;        // why it does not run
  std::uint64_t memory = 0;   // bytes
  std::uint64_t restarts = 0;
  std::uint64_t kills = 0;
  bool sandboxed = false;
};

struct Report {
  State state = State::kOff;
  std::string problem;                             // of kRestarting and kFailed: why
  std::vector<std::string> services;               // that are inspected
  inspect::Counters counters;                      // over all its lives since the agent started
  inspect::Counters recent;                        // of the last minute
  double sample = 1;                               // share of connections that is looked at
  std::vector<std::string> unreadable_interfaces;  // of the policy, whose frames the capture cannot read
  std::uint64_t open_connections = 0;
  std::uint64_t sessions = 0;        // key store
  std::uint64_t memory = 0;          // of the budget in use
  std::uint64_t resident_bytes = 0;  // of its process
  double ring_fill = 0;              // the fullest ring, 0 to 1
  unsigned shedding = 0;             // 0: none, 1: new connections, 2: and what servers send
  double shed_share = 0;             // of new connections
  std::uint64_t restarts = 0;        // after it ended by itself
  std::uint64_t kills = 0;           // because it did not answer any more
  bool sandboxed = false;            // all parts of the sandbox that this kernel has
  bool secrets_locked = false;       // all of the inspector's memory is kept out of swap
  bool key_store_locked = false;     // the store of session keys is, if nothing else
  std::vector<KeySourceReport> keys;
  PayloadReport payloads;
};

// Takes what was seen, on the supervisor's thread; must not block. Behaviour rules will be one.
class SummaryConsumer {
 public:
  virtual ~SummaryConsumer() = default;
  virtual void take(const inspect::Summary& summary) = 0;
};

// Thread-safe.
class Inspection {
 public:
  virtual ~Inspection() = default;
  // The policy that is in force from now on: starts, steers or ends the inspector. Returns at once.
  virtual void set_policy(const policy::Policy& policy) = 0;
  virtual Report report() const = 0;
  // Busiest first.
  virtual std::vector<EndpointRow> endpoints(std::size_t most) const = 0;

  // Whole key log lines. How many were handed on; the others were dropped and are counted, because the inspector does
  // not run or does not keep up. kInvalidArgument: a line longer than a key line can be. The caller wipes `lines`.
  struct Published {
    std::uint64_t handed_on = 0;
    std::uint64_t dropped = 0;
  };
  virtual Result<Published> publish(std::string_view lines) = 0;
};

}  // namespace tidegate::inspection
