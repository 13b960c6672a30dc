// SPDX-License-Identifier: Apache-2.0
#include "agent/config/policy_reader.hpp"

#include <algorithm>
#include <map>

#include "agent/config/document.hpp"
#include "agent/config/inspection_reader.hpp"
#include "agent/config/map_reader.hpp"
#include "agent/config/rule_reader.hpp"
#include "agent/config/service_reader.hpp"
#include "agent/config/values.hpp"

namespace tidegate::config {
namespace {

using policy::Policy;

constexpr std::string_view kPolicy = "the policy";

void read_version(const Node* node, const Values& values) {
  const auto version = values.text(node, "version");
  if (!version || *version == "1") return;
  values.error(node->location,
               "version " + policy::in_quotes(*version) + " of the grammar is not known here; write `version: 1`");
}

// `eth0`, or a map of `name` and `mode`.
policy::Interface read_interface(const Node& node, const Values& values) {
  policy::Interface interface { .name = "", .location = node.location };
  if (node.is_scalar()) {
    interface.name = values.interface(&node, "interface").value_or("");
    return interface;
  }
  MapReader map(node, "an interface", values.report());
  interface.name = values.interface(map.require("name"), "interface name").value_or("");
  if (values.choice(map.take("mode"), "interface mode", {"native", "generic"}) == 1U) {
    interface.mode = policy::AttachMode::kGeneric;
  }
  map.finish();
  return interface;
}

void read_interfaces(const Node* node, const Values& values, Policy& policy) {
  std::map<std::string, policy::Location> seen;
  for (const Node* item : values.list(node, "interfaces", true)) {
    policy::Interface interface = read_interface(*item, values);
    if (interface.name.empty()) continue;
    const auto [first, added] = seen.try_emplace(interface.name, interface.location);
    if (!added) {
      values.error(interface.location, "interface " + interface.name + " is there twice, first at " +
                                           to_string(first->second) + "; remove one");
    }
    policy.interfaces.push_back(std::move(interface));
  }
}

void read_replies(const Node* node, const Values& values, Policy& policy) {
  if (node == nullptr) return;
  MapReader map(*node, "replies", values.report());
  policy.replies = read_limit(map.take("packets"), "replies: packets", false, values);
  map.finish();
}

void read_source_prefixes(const Node* node, const Values& values, Policy& policy) {
  if (node == nullptr) return;
  MapReader map(*node, "sources", values.report());
  const auto v4 = values.whole(map.take("ipv4_prefix"), "sources: ipv4_prefix", 8, 32);
  const auto v6 = values.whole(map.take("ipv6_prefix"), "sources: ipv6_prefix", 16, 128);
  map.finish();
  if (v4) policy.ipv4_prefix = static_cast<unsigned>(*v4);
  if (v6) policy.ipv6_prefix = static_cast<unsigned>(*v6);
}

// drop | pass
void read_drop_or_pass(const Node* node, std::string_view what, const Values& values, bool& drop) {
  if (const auto choice = values.choice(node, what, {"drop", "pass"})) drop = *choice == 0;
}

void read_fragments(const Node* node, const Values& values, Policy& policy) {
  if (node == nullptr) return;
  MapReader map(*node, "fragments", values.report());
  read_drop_or_pass(map.take("non_first"), "fragments: non_first", values, policy.drop_non_first_fragments);
  map.finish();
}

// What rules share with the datapath.
void copy_settings(const Policy& policy, behavior::Settings& settings) {
  settings.ipv4_prefix = policy.ipv4_prefix;
  settings.ipv6_prefix = policy.ipv6_prefix;
  for (const auto& proxy : policy.trusted_proxies) settings.trusted_proxies.push_back(proxy.prefix);
  for (const auto& service : policy.services) {
    if (service.inspection.account && !service.inspection.session) settings.by_account.push_back(service.name);
  }
  std::sort(settings.by_account.begin(), settings.by_account.end());
}

void read_root(const Node& root, const Values& values, Policy& policy, behavior::RuleSet& rules) {
  MapReader map(root, std::string(kPolicy), values.report());
  read_version(map.require("version"), values);
  read_interfaces(map.take("interfaces"), values, policy);
  if (const auto enforce = values.boolean(map.take("enforce"), "enforce")) policy.enforce = *enforce;
  read_safelist(map.take("safelist"), values, policy);
  read_trusted_proxies(map.take("trusted_proxies"), values, policy);
  read_replies(map.take("replies"), values, policy);
  read_source_prefixes(map.take("sources"), values, policy);
  read_drop_or_pass(map.take("malformed"), "malformed", values, policy.drop_malformed);
  read_fragments(map.take("fragments"), values, policy);
  read_services(map.take("services"), values, policy);
  read_rules(map.take("rules"), values, policy, rules);
  read_behavior(map.take("behavior"), values, policy, rules.settings);
  map.finish();
  copy_settings(policy, rules.settings);
}

}  // namespace

bool ParsedPolicy::valid() const {
  return std::all_of(issues.begin(), issues.end(), [](const policy::Issue& issue) { return issue.warning; });
}

ParsedPolicy read_policy(std::string text) {
  ParsedPolicy result;
  policy::Report report;
  const Node root = read_document(text, report);
  if (!root.is_null()) {
    read_root(root, Values(report), result.policy, result.rules);
  } else if (!report.failed()) {
    report.error({1, 1}, std::string(kPolicy) + " is empty; it begins with `version: 1`");
  }
  result.policy.text = std::move(text);
  result.issues = std::move(report).take();
  return result;
}

std::string format_issue(const std::string& file, const policy::Issue& issue) {
  const std::string where = issue.location.line == 0 ? file : file + ":" + to_string(issue.location);
  return where + ": " + (issue.warning ? "warning: " : "") + issue.message;
}

}  // namespace tidegate::config
