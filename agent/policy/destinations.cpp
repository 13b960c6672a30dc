// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "agent/policy/address_ranges.hpp"
#include "agent/policy/services.hpp"

namespace tidegate::policy {
namespace {

// 63 beside class 0, so that a class fits the six bits that a datapath may mask it with.
constexpr std::size_t kMostClasses = TG_DESTINATION_CLASSES - 1;

using Named = std::map<Prefix, std::vector<unsigned>>;  // prefix -> services that name it, in order

Named named_prefixes(const Policy& policy) {
  Named named;
  for (unsigned i = 0; i < policy.services.size(); ++i) {
    for (const Prefix& prefix : policy.services[i].addresses) {
      auto& services = named[prefix];
      if (services.empty() || services.back() != i) services.push_back(i);
    }
  }
  return named;
}

// `own` in front of what covers it, without the services that are already in `own`.
Levels stack_levels(const std::vector<unsigned>& own, const Levels& covering) {
  Levels levels{own};
  for (const auto& level : covering) {
    std::vector<unsigned> rest;
    std::set_difference(level.begin(), level.end(), own.begin(), own.end(), std::back_inserter(rest));
    if (!rest.empty()) levels.push_back(std::move(rest));
  }
  return levels;
}

Location first_with_addresses(const Policy& policy) {
  for (const Service& service : policy.services) {
    if (!service.addresses.empty()) return service.location;
  }
  return {};
}

}  // namespace

std::optional<std::vector<DestinationClass>> compile_destinations(const Policy& policy, Image& image, Report& report) {
  std::vector<DestinationClass> classes(1);
  const Named named = named_prefixes(policy);
  std::vector<Prefix> prefixes;
  for (const auto& [prefix, services] : named) prefixes.push_back(prefix);
  const auto parents = parents_of(prefixes);
  std::map<Levels, std::uint16_t> numbers;
  std::vector<NumberedPrefix> numbered;
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    const std::uint16_t outer = parents[i] ? numbered[*parents[i]].value : std::uint16_t{0};
    Levels levels = stack_levels(named.at(prefixes[i]), classes[outer].levels);
    const auto [found, added] = numbers.try_emplace(levels, static_cast<std::uint16_t>(classes.size()));
    if (added) classes.push_back({std::move(levels), prefixes[i]});
    if (classes.size() > kMostClasses + 1) {
      report.error(first_with_addresses(policy),
                   "services name their addresses in more than " + std::to_string(kMostClasses) +
                       " different combinations, map destinations holds no more; give services "
                       "the same addresses or leave them out");
      return std::nullopt;
    }
    numbered.push_back({prefixes[i], found->second});
  }
  const auto ranges = flatten(numbered);
  if (ranges.size() > TG_ADDRESS_RANGES) {
    report.error(first_with_addresses(policy), "the addresses of services make " + std::to_string(ranges.size()) +
                                                   " address ranges, map destinations holds " +
                                                   std::to_string(TG_ADDRESS_RANGES) + "; use fewer or wider prefixes");
    return std::nullopt;
  }
  fill_table(ranges, numbered, image.destinations);
  if (!numbered.empty()) image.host.flags |= TG_HOST_HAS_DESTINATIONS;
  return classes;
}

}  // namespace tidegate::policy
