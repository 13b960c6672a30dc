// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <tuple>

#include "agent/policy/match.hpp"
#include "agent/policy/services.hpp"

namespace tidegate::policy {
namespace {

// A match of one service; two collide when protocol and width are equal and the ports overlap.
struct Claim {
  std::uint8_t protocol;
  unsigned width;  // ports, 0 for "every packet of the protocol"
  unsigned low;
  unsigned service;
  const Match* match;

  auto key() const { return std::tuple(protocol, width, low, service); }
  bool same_kind(const Claim& other) const { return protocol == other.protocol && width == other.width; }
  bool overlaps(const Claim& later) const { return same_kind(later) && later.low < low + std::max(width, 1U); }
};

std::vector<Claim> claims_of(const Policy& policy, const std::vector<unsigned>& services) {
  std::vector<Claim> claims;
  for (const unsigned index : services) {
    for (const Match& match : policy.services[index].match) {
      const unsigned width = match.ports ? match.ports->second - match.ports->first + 1U : 0;
      claims.push_back({match.protocol, width, match.ports ? match.ports->first : 0U, index, &match});
    }
  }
  std::sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) { return a.key() < b.key(); });
  const auto same = [](const Claim& a, const Claim& b) { return a.key() == b.key(); };
  claims.erase(std::unique(claims.begin(), claims.end(), same), claims.end());
  return claims;
}

void report_collision(const Policy& policy, const Claim& a, const Claim& b, Report& report) {
  const bool a_first = a.service < b.service;
  const Claim& first = a_first ? a : b;
  const Claim& second = a_first ? b : a;
  report.error(second.match->location,
               "service " + policy.services[second.service].name + ": " + format_match(*second.match) + " overlaps " +
                   format_match(*first.match) + " of service " + policy.services[first.service].name + " at " +
                   to_string(first.match->location) + " and neither is more specific; narrow one or give it addresses");
}

// Collisions among services that stand at the same level. `pairs` keeps one report per pair of services.
void check_level(const Policy& policy, const std::vector<unsigned>& services,
                 std::set<std::pair<unsigned, unsigned>>& pairs, Report& report) {
  const std::vector<Claim> claims = claims_of(policy, services);
  for (std::size_t i = 1; i < claims.size(); ++i) {
    // All of one kind have the same width, so those that reach claim i stand right before it.
    for (std::size_t j = i; j > 0 && claims[j - 1].overlaps(claims[i]); --j) {
      if (claims[j - 1].service == claims[i].service) continue;
      if (pairs.insert(std::minmax(claims[j - 1].service, claims[i].service)).second) {
        report_collision(policy, claims[j - 1], claims[i], report);
      }
      break;
    }
  }
}

}  // namespace

void check_overlaps(const Policy& policy, const std::vector<DestinationClass>& classes, Report& report) {
  std::vector<unsigned> anywhere;
  for (unsigned i = 0; i < policy.services.size(); ++i) {
    if (policy.services[i].addresses.empty()) anywhere.push_back(i);
  }
  std::set<std::vector<unsigned>> checked;
  std::set<std::pair<unsigned, unsigned>> pairs;
  check_level(policy, anywhere, pairs, report);
  for (const DestinationClass& destination : classes) {
    for (const auto& level : destination.levels) {
      if (level.size() > 1 && checked.insert(level).second) check_level(policy, level, pairs, report);
    }
  }
}

}  // namespace tidegate::policy
