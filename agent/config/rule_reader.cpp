// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "agent/config/inspection_reader.hpp"
#include "agent/config/service_reader.hpp"

namespace tidegate::config {
namespace {

using policy::in_quotes;
using policy::Location;
using policy::Policy;

constexpr std::uint64_t kMostCount = 1'000'000'000;

bool is_status(const std::string& text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 3 || text[0] < '1' || text[0] > '5') return false;
  return text.substr(1) == "xx" || (digit(text[1]) && digit(text[2]));
}

bool is_method(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; });
}

bool is_path(const std::string& text) { return text.starts_with('/') && text.find_first_of("?#") == text.npos; }

// A value or a list of them, each of which `fits`.
void read_words(const Node* node, const std::string& what, bool (*fits)(const std::string&), std::string_view expected,
                const Values& values) {
  const auto items = values.list(node, what, true);
  if (node != nullptr && items.empty())
    values.error(node->location, what + " is empty and would match nothing; leave it out");
  for (const Node* item : items) {
    const auto text = values.text(item, what);
    if (text && !fits(*text))
      values.error(item->location, what + ": " + in_quotes(*text) + " is not " + std::string(expected));
  }
}

void read_request_match(const Node* node, const std::string& what, const Values& values) {
  if (node == nullptr) return;
  MapReader map(*node, what, values.report());
  read_words(map.take("method"), what + " method", is_method, "a method such as POST", values);
  read_words(map.take("path"), what + " path", is_path, "a path that begins with '/' and has no query", values);
  read_words(map.take("status"), what + " status", is_status, "a status such as 404 or 4xx", values);
  map.finish();
  if (node->is_map() && node->members.empty()) values.error(node->location, what + " is empty; leave it out");
}

// The four conditions of a rule; each has `within`.
void read_condition(const Node& node, const std::string& what, const Values& values) {
  MapReader map(node, what, values.report());
  values.duration(map.require("within"), what + " within");
  const int forms = map.has("distinct") + map.has("ratio") + map.has("without");
  if (forms > 1)
    values.error(node.location, what + " has more than one of distinct, ratio and without; make a rule of each");
  if (map.has("distinct")) {
    values.choice(map.take("distinct"), what + " distinct",
                  {"path", "method", "status", "source", "session", "account", "ja4"});
    values.whole(map.require("over"), what + " over", 1, kMostCount);
  } else if (map.has("ratio")) {
    read_request_match(map.take("ratio"), what + " ratio", values);
    const Node* over = map.require("over");
    if (const auto share = values.fraction(over, what + " over", 0, 1); share && *share >= 1) {
      values.error(over->location, what + " over 1 can never fire; use less than 1");
    }
    values.whole(map.require("min"), what + " min", 1, kMostCount);
  } else {
    read_request_match(map.take("without"), what + " without", values);
    values.whole(map.require("count"), what + " count", 1, kMostCount);
  }
  map.finish();
}

void read_escalation(const Node* node, const std::string& what, std::optional<std::chrono::seconds> first,
                     const Values& values) {
  if (node == nullptr) return;
  MapReader map(*node, what, values.report());
  values.fraction(map.require("factor"), what + " factor", 1, 1000);
  const Node* most_node = map.require("max");
  const auto most = values.duration(most_node, what + " max");
  if (most && first && *most < *first) values.error(most_node->location, what + " max is shorter than `for`");
  map.finish();
}

void read_action(const Node& node, const std::string& what, const Values& values) {
  constexpr std::size_t kBlock = 0;
  constexpr std::size_t kLimit = 1;
  MapReader map(node, what, values.report());
  const auto action = values.choice(map.require("action"), what + " action", {"block", "limit", "monitor"});
  const bool has_rate = map.has("packets") || map.has("bytes");
  values.packet_rate(map.take("packets"), what + " packets");
  values.byte_rate(map.take("bytes"), what + " bytes");
  const auto duration = values.duration(map.require("for"), what + " for");
  read_escalation(map.take("escalate"), what + " escalate", duration, values);
  values.choice(map.take("mode"), what + " mode", {"enforce", "shadow"});
  map.finish();
  if (action == kLimit && !has_rate)
    values.error(node.location, what + ": a limit needs packets, bytes or both, for example `packets: 5/s`");
  if (action == kBlock && has_rate)
    values.error(node.location, what + ": a block has no rate; leave it out or use `action: limit`");
}

// Whether some service, or the named one, says what a session or an account is.
bool is_named(const std::string& key, const std::optional<std::string>& service, const Policy& policy) {
  return std::any_of(policy.services.begin(), policy.services.end(), [&](const policy::Service& candidate) {
    const auto& inspection = candidate.inspection;
    const bool names = key == "session" ? inspection.session.has_value() : inspection.account.has_value();
    return names && (!service || candidate.name == *service);
  });
}

void read_key(const Node* node, const std::string& what, const std::optional<std::string>& service,
              const Values& values, const Policy& policy) {
  const auto items = values.list(node, what, true);
  if (node != nullptr && items.empty()) values.error(node->location, what + " is empty; leave it out for source");
  for (const Node* item : items) {
    if (!values.choice(item, what, {"source", "session", "account", "ja4"})) continue;
    if (item->text != "session" && item->text != "account") continue;
    if (is_named(item->text, service, policy)) continue;
    values.error(item->location, what + ": " + (service ? "service " + *service + " has no `" : "no service has a `") +
                                     item->text + "` section, so the rule can never fire");
  }
}

std::optional<std::string> read_service_name(const Node* node, const std::string& what, const Values& values,
                                             const Policy& policy) {
  const auto name = values.name(node, what);
  if (!name) return std::nullopt;
  std::vector<std::string_view> known;
  for (const policy::Service& service : policy.services) known.push_back(service.name);
  if (std::find(known.begin(), known.end(), *name) != known.end()) return name;
  values.error(node->location, what + ": no service is named " + in_quotes(*name) + ", so the rule can never fire" +
                                   suggestion(*name, known));
  return std::nullopt;
}

// Returns the rule's name, "" when it has none.
std::string read_rule(const Node& node, const Values& values, const Policy& policy) {
  MapReader map(node, "a rule", values.report());
  const auto name = values.name(map.require("name"), "name of a rule");
  if (name) map.rename("rule " + *name);
  const std::string what = map.what();
  const Node* service_node = map.take("service");
  const auto service = read_service_name(service_node, what + ": service", values, policy);
  read_request_match(map.take("match"), what + ": match", values);
  const Node* key = map.take("key");
  if (service || service_node == nullptr) read_key(key, what + ": key", service, values, policy);
  if (const Node* when = map.require("when")) read_condition(*when, what + ": when", values);
  if (const Node* then = map.require("then")) read_action(*then, what + ": then", values);
  map.finish();
  return name.value_or("");
}

}  // namespace

void read_rules(const Node* node, const Values& values, Policy& policy) {
  if (node == nullptr) return;
  std::map<std::string, Location> seen;
  for (const Node* item : values.list(node, "rules", false)) {
    const std::string name = read_rule(*item, values, policy);
    if (name.empty()) continue;
    const auto [first, added] = seen.try_emplace(name, item->location);
    if (!added) {
      values.error(item->location,
                   "rule " + name + " is there twice, first at " + to_string(first->second) + "; rename one");
    }
    keep_section("rules." + name, *item, policy);
  }
  policy.not_enforced.push_back("rules");
}

}  // namespace tidegate::config
