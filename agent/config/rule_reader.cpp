// SPDX-License-Identifier: Apache-2.0
#include "agent/config/rule_reader.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "agent/config/condition_reader.hpp"
#include "agent/config/map_reader.hpp"
#include "agent/config/match_reader.hpp"
#include "agent/config/service_reader.hpp"

namespace tidegate::config {
namespace {

using behavior::KeyParts;
using policy::in_quotes;
using policy::Location;
using policy::Policy;

constexpr std::uint64_t kMostPriority = 1000;
constexpr std::uint64_t kLeastRuleMemory = 1'000'000;
constexpr std::uint64_t kMostRuleMemory = 16'000'000'000;
constexpr std::uint64_t kMostRestrained = 1'000'000;
constexpr std::string_view kNeverFires = ", so the rule can never fire";

struct KeyName {
  std::string_view name;
  behavior::KeyPart part;
};
constexpr std::array<KeyName, 4> kKeys{{{"source", behavior::kBySource},
                                        {"session", behavior::kBySession},
                                        {"account", behavior::kByAccount},
                                        {"ja4", behavior::kByJa4}}};

// One rule, and where its parts stand.
class RuleReader {
 public:
  RuleReader(const Node& node, const Values& values, const Policy& policy)
      : node_(node), values_(values), policy_(policy), map_(node, "a rule", values.report()), matches_(values) {}

  // Without a name when it has none.
  behavior::Rule read() {
    const auto name = values_.name(map_.require("name"), "name of a rule");
    if (name) map_.rename("rule " + *name);
    what_ = map_.what();
    rule_.name = name.value_or("");
    const Node* service = map_.take("service");
    read_service(service);
    const Node* match = map_.take("match");
    rule_.match = matches_.read(match, what_ + ": match");
    read_key(map_.take("key"), service == nullptr || rule_.service);
    if (const Node* when = map_.require("when")) read_when(*when);
    if (const Node* then = map_.require("then")) rule_.then = read_action(*then, what_ + ": then", values_);
    const auto priority = values_.whole(map_.take("priority"), what_ + ": priority", 0, kMostPriority);
    if (priority) rule_.priority = static_cast<int>(*priority);
    map_.finish();
    check_described(match, service == nullptr || rule_.service);
    check_repeat(match, service);
    return std::move(rule_);
  }

 private:
  void read_service(const Node* node) {
    const auto name = values_.name(node, what_ + ": service");
    if (!name) return check_any_inspected(node == nullptr);
    std::vector<std::string_view> known;
    for (const policy::Service& service : policy_.services) known.push_back(service.name);
    const auto found = std::find_if(policy_.services.begin(), policy_.services.end(),
                                    [&](const policy::Service& service) { return service.name == *name; });
    if (found == policy_.services.end()) {
      values_.error(node->location, what_ + ": service: no service is named " + in_quotes(*name) +
                                        std::string(kNeverFires) + suggestion(*name, known));
      return;
    }
    if (!found->inspection.wanted()) {
      values_.error(node->location, what_ + ": service " + *name + " is not inspected" + std::string(kNeverFires) +
                                        "; give it `tls: {inspect: true}`");
    }
    rule_.service = *name;
  }

  void check_any_inspected(bool every_service) {
    const bool some = std::any_of(policy_.services.begin(), policy_.services.end(),
                                  [](const policy::Service& service) { return service.inspection.wanted(); });
    if (!every_service || some) return;
    values_.error(node_.location,
                  what_ + ": no service is inspected" + std::string(kNeverFires) + "; give one `tls: {inspect: true}`");
  }

  // Whether some service, or the named one, says what a session or an account is.
  bool is_named(behavior::KeyPart part) const {
    return std::any_of(policy_.services.begin(), policy_.services.end(), [&](const policy::Service& service) {
      if (rule_.service && service.name != *rule_.service) return false;
      const auto& inspection = service.inspection;
      return part == behavior::kBySession ? inspection.session.has_value() : inspection.account.has_value();
    });
  }

  void check_named(std::string_view name, Location location, const std::string& what) {
    if (name != "session" && name != "account") return;
    if (is_named(name == "session" ? behavior::kBySession : behavior::kByAccount)) return;
    values_.error(location, what + ": " +
                                (rule_.service ? "service " + *rule_.service + " has no `" : "no service has a `") +
                                std::string(name) + "` section" + std::string(kNeverFires));
  }

  void read_key(const Node* node, bool service_known) {
    if (node == nullptr) return;
    const std::string what = what_ + ": key";
    const auto items = values_.list(node, what, true);
    if (items.empty()) values_.error(node->location, what + " is empty; leave it out for source");
    KeyParts parts = 0;
    for (const Node* item : items) {
      const auto choice = values_.choice(item, what, {"source", "session", "account", "ja4"});
      if (!choice) continue;
      if ((parts & kKeys[*choice].part) != 0) values_.error(item->location, what + " has " + item->text + " twice");
      parts |= kKeys[*choice].part;
      if (service_known) check_named(item->text, item->location, what);
    }
    if (parts != 0) rule_.key = parts;
  }

  void read_when(const Node& node) {
    const std::string what = what_ + ": when";
    rule_.when = read_condition(node, what, values_, matches_);
    constexpr KeyParts kByIdentity = behavior::kBySession | behavior::kByAccount;
    const auto* distinct = std::get_if<behavior::DistinctCondition>(&rule_.when.what);
    if (distinct != nullptr) check_named(behavior::distinct_info(distinct->field).name, node.location, what);
    const bool counts_identities = distinct != nullptr && (distinct->field == behavior::DistinctField::kSession ||
                                                           distinct->field == behavior::DistinctField::kAccount);
    const bool knows_identities = (rule_.key & kByIdentity) != 0 || counts_identities;
    if (knows_identities && rule_.when.within > behavior::kLongestIdentityWindow) {
      values_.error(node.location, what +
                                       " within is longer than 24h, and sessions and accounts are not known for "
                                       "longer; use at most 24h");
    }
  }

  // Without a service it may be one of a pack, which has to fit many policies: then it is no error.
  void check_described(const Node* match, bool service_known) {
    if (!service_known || !behavior::needs_description(rule_)) return;
    const bool described =
        std::any_of(policy_.services.begin(), policy_.services.end(), [&](const policy::Service& service) {
          return service.openapi && (!rule_.service || service.name == *rule_.service);
        });
    if (described) return;
    const Location place = match != nullptr ? match->location : node_.location;
    const std::string who = rule_.service ? "service " + *rule_.service : "no service";
    const std::string text = what_ + ": `api` and `operation` need an API description, and " + who +
                             (rule_.service ? " has no `openapi`" : " has an `openapi`") + std::string(kNeverFires);
    rule_.service ? values_.error(place, text) : values_.report().warning(place, text);
  }

  void check_repeat(const Node* match, const Node* service) {
    if (!std::holds_alternative<behavior::RepeatCondition>(rule_.when.what)) return;
    for (const Node* node : {match, service}) {
      if (node == nullptr) continue;
      values_.error(node->location, what_ + ": what it repeats says which requests count; leave out match and service");
    }
  }

  const Node& node_;
  const Values& values_;
  const Policy& policy_;
  MapReader map_;
  RuleMatches matches_;
  std::string what_;
  behavior::Rule rule_;
};

}  // namespace

void read_rules(const Node* node, const Values& values, Policy& policy, behavior::RuleSet& rules) {
  if (node == nullptr) return;
  std::map<std::string, Location> seen;
  std::vector<Location> places;
  const auto items = values.list(node, "rules", false);
  if (items.size() > behavior::kMostRules) {
    values.error(node->location, "more than " + std::to_string(behavior::kMostRules) + " rules");
    return;
  }
  for (const Node* item : items) {
    behavior::Rule rule = RuleReader(*item, values, policy).read();
    if (rule.name.empty()) continue;
    const auto [first, added] = seen.try_emplace(rule.name, item->location);
    if (!added) {
      values.error(item->location,
                   "rule " + rule.name + " is there twice, first at " + to_string(first->second) + "; rename one");
    }
    keep_section("rules." + rule.name, *item, policy);
    places.push_back(item->location);
    rules.rules.push_back(std::move(rule));
  }
  for (std::size_t i = 0; i < rules.rules.size() && !values.report().failed(); ++i) {
    const std::string why = behavior::never_fires(rules.rules[i], rules.rules);
    if (!why.empty()) values.error(places[i], "rule " + rules.rules[i].name + " can never fire: " + why);
    const std::string now = why.empty() ? behavior::hardly_fires(rules.rules[i], rules.rules) : "";
    if (!now.empty()) values.report().warning(places[i], "rule " + rules.rules[i].name + " does not fire: " + now);
  }
  const bool examined = std::any_of(policy.services.begin(), policy.services.end(), [](const policy::Service& service) {
    return service.inspection.payloads.has_value();
  });
  for (std::size_t i = 0; i < rules.rules.size() && !examined; ++i) {
    if (!behavior::mentions(rules.rules[i], behavior::Field::kAttack)) continue;
    values.report().warning(
        places[i], "rule " + rules.rules[i].name + " asks for `attack` and sees nothing: no service has `payloads`");
  }
  for (const behavior::Rule& rule : rules.rules) {
    if (rule.key != behavior::kByJa4 || rule.then.kind == behavior::ActionKind::kMonitor) continue;
    policy.not_enforced.push_back("rules." + rule.name + ": a ja4 alone names nobody, its decisions are reported only");
  }
}

void read_behavior(const Node* node, const Values& values, Policy& policy, behavior::Settings& settings) {
  if (node == nullptr) return;
  MapReader map(*node, "behavior", values.report());
  const Node* memory = map.take("memory");
  if (const auto bytes = values.bytes(memory, "behavior: memory")) {
    if (*bytes < kLeastRuleMemory || *bytes > kMostRuleMemory)
      values.error(memory->location, "behavior: memory has to be from " + format_bytes(kLeastRuleMemory) + " to " +
                                         format_bytes(kMostRuleMemory));
    settings.memory = *bytes;
  }
  const Node* cap = map.take("cap");
  if (const auto rate = values.packet_rate(cap, "behavior: cap")) {
    if (rate->amount > kMostRestrained)
      values.error(cap->location, "behavior: cap is more than " + std::to_string(kMostRestrained));
    settings.cap = *rate;
  }
  if (const Node* guard = map.take("nat_guard")) {
    const std::string what = "behavior: nat_guard";
    MapReader inside(*guard, what, values.report());
    settings.nat_guard.share = values.fraction(inside.take("share"), what + " share", 0, 1).value_or(0);
    settings.nat_guard.min =
        values.whole(inside.take("min"), what + " min", 0, behavior::kMostGuardMin).value_or(settings.nat_guard.min);
    if (const auto within = values.duration(inside.take("within"), what + " within"))
      settings.nat_guard.within = *within;
    inside.finish();
  }
  map.finish();
  keep_section("behavior", *node, policy);
}

}  // namespace tidegate::config
