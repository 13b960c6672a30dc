// SPDX-License-Identifier: Apache-2.0
// What a rule found out, and what should follow from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/behavior/rule.hpp"

namespace tidegate::behavior {

// Why a decision is reported only, although its rule is not in shadow mode.
enum class Obstacle : std::uint8_t {
  kNone,
  kTrustedProxy,  // the connection carries other people's requests too
  kNoAddress,     // a fingerprint alone, which many share, names neither an address nor a connection
  kNatGuard,      // other sessions that behave well share the source
  kSafelisted,
  kOutranked,  // a rule of higher priority fired on the same request
  kRuleCap,    // the rule has decided too often
  kGlobalCap,  // all rules together have
};
inline constexpr unsigned kObstacles = 8;
std::string_view to_string(Obstacle obstacle);  // "trusted_proxy", …; "none"
std::string_view explain(Obstacle obstacle);    // one sentence without a full stop; ""

// A request that counted: nothing of it that its sender could not know to be logged.
struct ExampleRequest {
  std::string path_template;
  WallTime time;
};

struct Evidence {
  std::string text;        // "12 requests within 1m (10 or more)"
  double observed = 0;     // count, bytes, different values or share
  double threshold = 0;    // likewise, of the rule
  bool estimated = false;  // observed is an estimate
  seconds window{0};
  std::vector<ExampleRequest> examples;  // at most 3, the oldest first
};

// By whom the requests were, as far as the rule's key says.
struct FindingKey {
  std::optional<Prefix> source;
  std::optional<inspect::IdentityHash> session;
  std::optional<inspect::IdentityHash> account;
  std::string ja4;
  friend bool operator==(const FindingKey&, const FindingKey&) = default;
};
std::string format(const FindingKey& key);  // "source 192.0.2.1, session 00112233…": 8 digits of a hash

struct Finding {
  enum class Kind : std::uint8_t {
    kDecision,
    kAlarm,  // a cap was reached: decisions are reported only, for now
  };
  Kind kind = Kind::kDecision;
  std::string rule;  // of an alarm of the global cap: ""
  WallTime time;     // of the request that made it fire
  FindingKey key;
  std::string service;
  inspect::Flow flow;            // the connection of that request
  std::optional<Address> named;  // the client that a trusted proxy named; then the connection is the proxy's
  std::optional<Prefix> target;  // the source that the action is for; none: no address stands for the key
  // Of a block for a session or an account: its connections are blocked, this one and those on which it is seen again.
  bool blocks_connections = false;
  std::string scope;                           // the service where it is recognised; "": every inspected one
  Obstacle source_obstacle = Obstacle::kNone;  // why the connections only are blocked, and not `target`
  ActionKind action = ActionKind::kMonitor;
  std::optional<Rate> packets;
  std::optional<Rate> bytes;
  seconds duration{0};  // after escalation
  seconds quiet{0};     // for how long the rule decides nothing more on this key
  std::optional<Escalation> escalation{};
  unsigned repetition = 1;  // which decision on this key it is, as far as is remembered
  int priority = 100;
  bool shadow = false;
  Obstacle obstacle = Obstacle::kNone;
  Evidence evidence;

  bool by_source_only() const { return key.source && !key.session && !key.account && key.ja4.empty(); }
  // Whether it has to be carried out, on connections or on the source.
  bool enforced() const {
    return kind == Kind::kDecision && !shadow && obstacle == Obstacle::kNone && (target || blocks_connections) &&
           action != ActionKind::kMonitor;
  }
  bool acts_on_source() const { return enforced() && target && source_obstacle == Obstacle::kNone; }
};

// One line for a person, without control characters, at most 1000 bytes: the evidence, the key and, where it is not
// enforced, why.
std::string describe(const Finding& finding);

}  // namespace tidegate::behavior
