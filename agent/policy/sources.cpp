// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/sources.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "agent/policy/address_ranges.hpp"
#include "agent/policy/rates.hpp"

namespace tidegate::policy {
namespace {

// An interface that is not there now: no packet carries this index, and 0 would mean "any".
constexpr unsigned kNoInterface = std::numeric_limits<unsigned>::max();

struct Entry {
  Prefix prefix;
  std::optional<std::string> interface;
  Rate ceiling;
  tg_source_kind kind;
  bool from_policy;
  Location location;
};

const char* name_of(tg_source_kind kind) { return kind == TG_SOURCE_PROXY ? "trusted_proxies" : "safelist"; }

Entry entry_of(const SafelistEntry& entry, bool from_policy) {
  return {entry.prefix,       entry.interface, entry.ceiling.value_or(kDefaultCeiling),
          TG_SOURCE_SAFELIST, from_policy,     entry.location};
}

std::vector<Entry> gather(const CompileInput& input) {
  std::vector<Entry> entries;
  for (const SafelistEntry& entry : input.policy.safelist) entries.push_back(entry_of(entry, true));
  for (const TrustedProxy& proxy : input.policy.trusted_proxies) {
    entries.push_back(
        {proxy.prefix, std::nullopt, proxy.ceiling.value_or(kDefaultCeiling), TG_SOURCE_PROXY, true, proxy.location});
  }
  for (const SafelistEntry& entry : input.extra_safelist) entries.push_back(entry_of(entry, false));
  return entries;
}

// By prefix; within one prefix those bound to an interface first, so that the unbound one ends the chain.
auto order_of(const Entry& entry) {
  return std::tuple(entry.prefix, !entry.interface.has_value(), entry.interface.value_or(""));
}

void report_twice(const Entry& first, const Entry& second, Report& report) {
  const std::string prefix = second.prefix.to_string();
  if (!second.from_policy) {
    report.warning(first.location,
                   prefix + " is also safelisted by `tidegate safelist add`; this entry of the policy holds");
  } else if (first.kind == second.kind) {
    report.error(second.location, prefix + " is in " + name_of(second.kind) + " twice, first at " +
                                      to_string(first.location) + "; remove one");
  } else {
    report.error(second.location, prefix + " is in both safelist and trusted_proxies, first at " +
                                      to_string(first.location) + "; decide for one");
  }
}

// Sorts, and keeps the first of entries that mean the same packets.
std::vector<Entry> sort_and_check(std::vector<Entry> entries, Report& report) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return order_of(a) < order_of(b); });
  std::vector<Entry> kept;
  for (Entry& entry : entries) {
    if (!kept.empty() && order_of(kept.back()) == order_of(entry)) {
      report_twice(kept.back(), entry, report);
    } else {
      kept.push_back(std::move(entry));
    }
  }
  return kept;
}

void advise(const CompileInput& input, const Entry& entry, Report& report) {
  if (entry.prefix.shown_length() == 0) {
    report.warning(entry.location, std::string(name_of(entry.kind)) + " covers every " +
                                       (entry.prefix.is_v4() ? "IPv4" : "IPv6") +
                                       " address: nothing from there is blocked or limited by a service");
  }
  if (!entry.interface) return;
  const auto& interfaces = input.policy.interfaces;
  const bool listed =
      std::any_of(interfaces.begin(), interfaces.end(), [&](const Interface& i) { return i.name == *entry.interface; });
  if (!listed) {
    report.warning(entry.location, "safelist entry " + entry.prefix.to_string() + " is bound to " +
                                       in_quotes(*entry.interface) + ", which is not in interfaces; it never matches");
  }
}

unsigned ifindex_of(const CompileInput& input, const Entry& entry) {
  if (!entry.interface) return 0;
  const unsigned ifindex = input.ifindex_of ? input.ifindex_of(*entry.interface) : 0;
  return ifindex == 0 ? kNoInterface : ifindex;
}

// The distinct prefixes of sorted entries and where the entries of each begin. Entry i has index i + 1.
struct Groups {
  std::vector<Prefix> prefixes;
  std::vector<std::size_t> first;
};

Groups group(const std::vector<Entry>& entries) {
  Groups groups;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (groups.prefixes.empty() || groups.prefixes.back() != entries[i].prefix) {
      groups.prefixes.push_back(entries[i].prefix);
      groups.first.push_back(i);
    }
  }
  return groups;
}

// Index of the entry to try after entry i; 0 ends the chain.
std::vector<std::uint16_t> link(const std::vector<Entry>& entries, const Groups& groups) {
  std::vector<std::uint16_t> next(entries.size(), 0);
  const auto parents = parents_of(groups.prefixes);
  for (std::size_t g = 0; g < groups.prefixes.size(); ++g) {
    const std::size_t end = g + 1 < groups.first.size() ? groups.first[g + 1] : entries.size();
    for (std::size_t i = groups.first[g]; i < end; ++i) {
      if (!entries[i].interface) continue;
      if (i + 1 < end) {
        next[i] = static_cast<std::uint16_t>(i + 2);
      } else if (parents[g]) {
        next[i] = static_cast<std::uint16_t>(groups.first[*parents[g]] + 1);
      }
    }
  }
  return next;
}

void check_chains(const std::vector<Entry>& entries, const std::vector<std::uint16_t>& next, Report& report) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    unsigned tried = 1;
    for (std::size_t at = i; next[at] != 0 && tried <= TG_SOURCE_CHAIN; ++tried) at = next[at] - 1U;
    if (tried > TG_SOURCE_CHAIN) {
      report.error(entries[i].location, "more than " + std::to_string(TG_SOURCE_CHAIN) +
                                            " safelist entries bound to interfaces cover " +
                                            entries[i].prefix.to_string() + "; leave `interface` out of some");
      return;
    }
  }
}

void write_entries(const CompileInput& input, const std::vector<Entry>& entries, const std::vector<std::uint16_t>& next,
                   Image& image, Report& report) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    const auto ceiling = to_gcra(entry.ceiling, std::nullopt, false, input.tick);
    if (!ceiling) {
      report.error(entry.location, "ceiling of " + entry.prefix.to_string() + ": " + ceiling.error().message);
      continue;
    }
    image.entries[i + 1] = {.ceiling = *ceiling,
                            .ifindex = ifindex_of(input, entry),
                            .next = next[i],
                            .kind = static_cast<__u8>(entry.kind),
                            .reserved = 0};
    advise(input, entry, report);
  }
}

// Where the lists begin, for what concerns them as a whole.
Location first_source(const Policy& policy) {
  if (!policy.safelist.empty()) return policy.safelist.front().location;
  return policy.trusted_proxies.empty() ? Location{} : policy.trusted_proxies.front().location;
}

void write_table(const Policy& policy, const Groups& groups, Image& image, Report& report) {
  std::vector<NumberedPrefix> numbered;
  for (std::size_t g = 0; g < groups.prefixes.size(); ++g) {
    numbered.push_back({groups.prefixes[g], static_cast<std::uint16_t>(groups.first[g] + 1)});
  }
  const auto ranges = flatten(numbered);
  if (ranges.size() > TG_ADDRESS_RANGES) {
    report.error(first_source(policy), "safelist and trusted_proxies make " + std::to_string(ranges.size()) +
                                           " address ranges, map sources holds " + std::to_string(TG_ADDRESS_RANGES) +
                                           "; use fewer or wider prefixes");
    return;
  }
  fill_table(ranges, numbered, image.sources);
  if (!numbered.empty()) image.host.flags |= TG_HOST_HAS_SOURCES;
}

}  // namespace

void compile_sources(const CompileInput& input, Image& image, Report& report) {
  image.entries.assign(TG_SOURCE_ENTRIES, {});
  const std::vector<Entry> entries = sort_and_check(gather(input), report);
  if (entries.size() >= TG_SOURCE_ENTRIES) {
    report.error(first_source(input.policy), "safelist and trusted_proxies have " + std::to_string(entries.size()) +
                                                 " entries together, map source_entries holds " +
                                                 std::to_string(TG_SOURCE_ENTRIES - 1) +
                                                 "; use fewer or wider prefixes");
    return;
  }
  const Groups groups = group(entries);
  const auto next = link(entries, groups);
  check_chains(entries, next, report);
  write_entries(input, entries, next, image, report);
  write_table(input.policy, groups, image, report);
}

}  // namespace tidegate::policy
