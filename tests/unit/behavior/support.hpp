// SPDX-License-Identifier: Apache-2.0
// Rules from YAML and requests to try them with.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "agent/behavior/evaluator.hpp"
#include "agent/config/policy_reader.hpp"

namespace tidegate::behavior {

using namespace std::chrono_literals;

inline constexpr WallTime kStart{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}};

inspect::IdentityHash identity(unsigned number);

// `when`: after kStart, when the response was over.
struct Request {
  std::chrono::nanoseconds when{0};
  std::string source = "192.0.2.1";
  std::string method = "GET";
  std::string path = "/";
  std::optional<std::uint16_t> status = 200;
  std::optional<unsigned> session = std::nullopt;
  std::optional<unsigned> account = std::nullopt;
  std::string user_agent = "Mozilla/5.0";
  std::string service = "web";
  std::uint64_t response_bytes = 1000;
  std::string ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1";
  std::optional<std::string> proxied = std::nullopt;
  inspect::SummaryKind kind = inspect::SummaryKind::kRequest;  // a handshake has no more than its connection
  std::uint8_t attacks = 0;
  std::uint8_t api = 0;         // facts
  std::uint16_t operation = 0;  // of the description
  bool proven = true;           // its connection
};
inspect::Summary summary_of(const Request& request);

// The rules of a policy whose services are `web` (inspected, with session and account), `api` (inspected) and `shop`
// (inspected, with account). `rules` is the YAML of the list's items, as a flow sequence without brackets; `rest` are
// further sections. Fails the test when the policy has errors.
RuleSet rules_of(const std::string& rules, const std::string& rest = "");

// An evaluator that is fed one request at a time.
class Trial {
 public:
  explicit Trial(const std::string& rules, const std::string& rest = "", Evaluator::IsSafelisted safelisted = {})
      : evaluator(rules_of(rules, rest), HashSeed{}, std::move(safelisted)) {}
  explicit Trial(RuleSet rules) : evaluator(std::move(rules), HashSeed{}) {}

  // What the request led to; nothing is told of later that ended before it.
  std::vector<Finding> take(const Request& request);
  // The names of the rules that fired, "name!" where that is to be enforced, "name~" where that is on connections
  // only, in order.
  std::vector<std::string> fire(const Request& request);

  Evaluator evaluator;
};

}  // namespace tidegate::behavior
