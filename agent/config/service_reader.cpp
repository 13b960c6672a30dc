// SPDX-License-Identifier: Apache-2.0
#include "agent/config/service_reader.hpp"

#include <map>
#include <set>

#include "agent/config/inspection_reader.hpp"
#include "agent/config/map_reader.hpp"
#include "agent/policy/match.hpp"

namespace tidegate::config {
namespace {

using policy::Limits;
using policy::Location;
using policy::Policy;
using policy::Service;

constexpr std::uint64_t kMostBurst = 1'000'000'000'000;

std::optional<policy::NewSources> read_new_sources(const Node* node, const std::string& what, const Values& values) {
  if (node == nullptr) return std::nullopt;
  MapReader map(*node, what, values.report());
  policy::NewSources budget{.rate = {}, .location = node->location};
  const auto rate = values.packet_rate(map.require("rate"), what + " rate");
  if (const auto share = values.fraction(map.take("syn_share"), what + " syn_share", 0, 1)) budget.syn_share = *share;
  map.finish();
  if (!rate) return std::nullopt;
  budget.rate = *rate;
  return budget;
}

Limits read_limits(const Node* node, const std::string& what, const Values& values) {
  Limits limits;
  if (node == nullptr) return limits;
  MapReader map(*node, what, values.report());
  limits.packets = read_limit(map.take("packets"), what + ": packets", false, values);
  limits.bytes = read_limit(map.take("bytes"), what + ": bytes", true, values);
  limits.syn = read_limit(map.take("syn"), what + ": syn", false, values);
  limits.new_sources = read_new_sources(map.take("new_sources"), what + ": new_sources", values);
  map.finish();
  return limits;
}

std::vector<policy::Match> read_match(const Node* node, const std::string& what, const Values& values) {
  std::vector<policy::Match> matches;
  const auto items = values.list(node, what, true);
  if (node != nullptr && items.empty())
    values.error(node->location, what + " is empty; name at least one, such as tcp/443");
  for (const Node* item : items) {
    if (!item->is_scalar()) {
      values.error(item->location, what + " has to be a list of words such as tcp/443");
      continue;
    }
    auto match = policy::parse_match(item->text);
    if (!match) {
      values.error(item->location, what + ": " + match.error().message);
      continue;
    }
    match->location = item->location;
    matches.push_back(*match);
  }
  return matches;
}

std::vector<Prefix> read_prefixes(const Node* node, const std::string& what, const Values& values) {
  std::vector<Prefix> prefixes;
  const auto items = values.list(node, what, true);
  if (node != nullptr && items.empty())
    values.error(node->location, what + " is empty; leave it out to match every address");
  for (const Node* item : items) {
    if (const auto prefix = values.prefix(item, what)) prefixes.push_back(*prefix);
  }
  return prefixes;
}

// A service takes what it matches, or what no other does: one of the two.
void check_shape(const Service& service, const MapReader& map, const Values& values) {
  const bool matches = map.has("match");
  if (service.is_default && (matches || map.has("addresses"))) {
    values.error(service.location, map.what() +
                                       " is the default, which takes what no other service matches; leave out " +
                                       (matches ? "match" : "addresses"));
  } else if (!service.is_default && !matches) {
    values.error(service.location,
                 map.what() + " matches nothing; add for example `match: [tcp/443]` or `default: true`");
  }
}

std::optional<policy::ApiSource> read_openapi(const Node* node, const std::string& what, const Service& service,
                                              const Values& values) {
  const auto file = values.text(node, what);
  if (!file) return std::nullopt;
  if (file->empty() || file->find('\0') != file->npos)
    values.error(node->location, what + " has to be the name of a file");
  if (!service.inspection.wanted()) {
    values.error(node->location,
                 what + " needs the service to be inspected; give it `tls: {inspect: true}` or leave out openapi");
  }
  return policy::ApiSource{.file = *file, .location = node->location};
}

Service read_service(const Node& node, const Values& values) {
  Service service;
  service.location = node.location;
  MapReader map(node, "a service", values.report());
  if (const auto name = values.name(map.require("name"), "name of a service")) service.name = *name;
  if (!service.name.empty()) map.rename("service " + service.name);
  const std::string what = map.what();
  if (const auto value = values.boolean(map.take("default"), what + ": default")) service.is_default = *value;
  service.match = read_match(map.take("match"), what + ": match", values);
  service.addresses = read_prefixes(map.take("addresses"), what + ": addresses", values);
  service.limits = read_limits(map.take("limits"), what, values);
  if (const auto value = values.boolean(map.take("dry_run"), what + ": dry_run")) service.dry_run = *value;
  service.inspection = read_inspection(map, values);
  service.openapi = read_openapi(map.take("openapi"), what + ": openapi", service, values);
  map.finish();
  if (node.is_map()) check_shape(service, map, values);
  return service;
}

struct SourceEntry {
  Prefix prefix;
  std::optional<Rate> ceiling;
  std::optional<std::string> interface;
};

// An address, or a map of `address` and more.
std::optional<SourceEntry> read_source(const Node& node, const std::string& what, bool may_bind, const Values& values) {
  if (node.is_scalar()) {
    const auto prefix = values.prefix(&node, what);
    if (!prefix) return std::nullopt;
    return SourceEntry{*prefix, std::nullopt, std::nullopt};
  }
  SourceEntry entry;
  MapReader map(node, "an entry of " + what, values.report());
  const auto prefix = values.prefix(map.require("address"), what + " address");
  entry.ceiling = values.packet_rate(map.take("ceiling"), what + " ceiling");
  if (may_bind) entry.interface = values.interface(map.take("interface"), what + " interface");
  map.finish();
  if (!prefix) return std::nullopt;
  entry.prefix = *prefix;
  return entry;
}

}  // namespace

std::optional<policy::Limit> read_limit(const Node* node, const std::string& what, bool is_bytes,
                                        const Values& values) {
  if (node == nullptr) return std::nullopt;
  MapReader map(*node, what, values.report());
  const Node* rate_node = map.require("rate");
  const Node* burst_node = map.take("burst");
  const auto rate =
      is_bytes ? values.byte_rate(rate_node, what + " rate") : values.packet_rate(rate_node, what + " rate");
  const auto burst =
      is_bytes ? values.bytes(burst_node, what + " burst") : values.whole(burst_node, what + " burst", 1, kMostBurst);
  map.finish();
  if (!rate) return std::nullopt;
  return policy::Limit{*rate, burst, node->location};
}

void keep_section(const std::string& path, const Node& node, Policy& policy) {
  policy.kept.push_back({path, canonical(node)});
}

void read_services(const Node* node, const Values& values, Policy& policy) {
  std::map<std::string, Location> seen;
  for (const Node* item : values.list(node, "services", false)) {
    Service service = read_service(*item, values);
    const auto [first, added] = seen.try_emplace(service.name, service.location);
    if (!added && !service.name.empty()) {
      values.error(service.location, "service " + service.name + " is there twice, first at " +
                                         to_string(first->second) + "; rename one");
    }
    policy.services.push_back(std::move(service));
  }
}

void read_safelist(const Node* node, const Values& values, Policy& policy) {
  for (const Node* item : values.list(node, "safelist", true)) {
    if (auto entry = read_source(*item, "safelist", true, values)) {
      policy.safelist.push_back({entry->prefix, entry->ceiling, entry->interface, item->location});
    }
  }
}

void read_trusted_proxies(const Node* node, const Values& values, Policy& policy) {
  for (const Node* item : values.list(node, "trusted_proxies", true)) {
    if (auto entry = read_source(*item, "trusted_proxies", false, values)) {
      policy.trusted_proxies.push_back({entry->prefix, entry->ceiling, item->location});
    }
  }
}

}  // namespace tidegate::config
