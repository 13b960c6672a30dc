// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <tuple>

#include "agent/policy/services.hpp"

namespace tidegate::policy {
namespace {

constexpr std::uint32_t kAllPoints = TG_POINT(256, 0, 0);
constexpr std::uint32_t kPointsOfProtocol = TG_POINT(1, 0, 0);

// What one match of one service takes, and how specific it is: lower is more specific.
struct Candidate {
  std::uint32_t begin;
  std::uint32_t end;
  std::size_t level;  // of the address
  std::uint16_t slot;

  auto rank() const { return std::tuple(level, end - begin, slot); }
};

struct Boundary {
  std::uint32_t at;
  bool opens;
  const Candidate* candidate;
};

struct Range {
  std::uint32_t start;
  std::uint16_t service;
};

Candidate candidate_of(const Match& match, std::size_t level, unsigned slot) {
  Candidate candidate{TG_POINT(match.protocol, 0, 0), 0, level, static_cast<std::uint16_t>(slot)};
  candidate.end = candidate.begin + kPointsOfProtocol;
  if (match.ports) {
    candidate.begin = TG_POINT(match.protocol, 1, match.ports->first);
    candidate.end = TG_POINT(match.protocol, 1, match.ports->second) + 1;
  }
  return candidate;
}

std::vector<Candidate> candidates_of(const Policy& policy, const Levels& levels,
                                     const std::map<std::string, unsigned>& slots) {
  std::vector<Candidate> candidates;
  const auto add = [&](const Service& service, std::size_t level) {
    const unsigned slot = slots.at(service.name);
    for (const Match& match : service.match) candidates.push_back(candidate_of(match, level, slot));
  };
  for (std::size_t level = 0; level < levels.size(); ++level) {
    for (const unsigned index : levels[level]) add(policy.services[index], level);
  }
  for (const Service& service : policy.services) {
    if (service.addresses.empty()) add(service, levels.size());
  }
  return candidates;
}

std::vector<Boundary> boundaries_of(const std::vector<Candidate>& candidates) {
  std::vector<Boundary> boundaries;
  boundaries.reserve(candidates.size() * 2);
  for (const Candidate& candidate : candidates) {
    boundaries.push_back({candidate.begin, true, &candidate});
    boundaries.push_back({candidate.end, false, &candidate});
  }
  std::sort(boundaries.begin(), boundaries.end(), [](const Boundary& a, const Boundary& b) { return a.at < b.at; });
  return boundaries;
}

// Sweeps over all points and keeps the open candidates in order of rank.
std::vector<Range> sweep(const std::vector<Candidate>& candidates) {
  const auto more_specific = [](const Candidate* a, const Candidate* b) { return a->rank() < b->rank(); };
  std::multiset<const Candidate*, decltype(more_specific)> open(more_specific);
  std::vector<Range> ranges{{0, TG_SERVICE_NONE}};
  const std::vector<Boundary> boundaries = boundaries_of(candidates);
  for (auto next = boundaries.begin(); next != boundaries.end();) {
    const std::uint32_t at = next->at;
    for (; next != boundaries.end() && next->at == at; ++next) {
      if (next->opens) {
        open.insert(next->candidate);
      } else {
        open.erase(open.find(next->candidate));
      }
    }
    const std::uint16_t service = open.empty() ? std::uint16_t{TG_SERVICE_NONE} : (*open.begin())->slot;
    if (at == kAllPoints) break;
    if (ranges.back().start == at) {
      ranges.back().service = service;
    } else if (ranges.back().service != service) {
      ranges.push_back({at, service});
    }
  }
  return ranges;
}

void append(const std::vector<Range>& ranges, std::size_t first, tg_service_table& table) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    table.start[first + i] = ranges[i].start;
    table.service[first + i] = ranges[i].service;
  }
}

Location first_service(const Policy& policy) {
  return policy.services.empty() ? Location{} : policy.services.front().location;
}

void report_unreached(const Policy& policy, const std::map<std::string, unsigned>& slots,
                      const std::set<std::uint16_t>& reached, Report& report) {
  for (const Service& service : policy.services) {
    if (service.is_default || reached.contains(static_cast<std::uint16_t>(slots.at(service.name)))) continue;
    report.warning(service.location,
                   "service " + service.name + " never matches: others are more specific for all of it");
  }
}

}  // namespace

void compile_ranges(const Policy& policy, const std::vector<DestinationClass>& classes,
                    const std::map<std::string, unsigned>& slots, Image& image, Report& report) {
  tg_service_table& table = image.ranges;
  std::fill(std::begin(table.start), std::end(table.start), ~0U);
  std::fill(std::begin(table.service), std::end(table.service), std::uint16_t{TG_SERVICE_NONE});
  std::size_t used = 0;
  std::set<std::uint16_t> reached;
  for (std::size_t c = 0; c < std::size(table.first); ++c) {
    table.first[c] = static_cast<__u16>(used);
    if (c >= classes.size()) continue;
    const auto ranges = sweep(candidates_of(policy, classes[c].levels, slots));
    if (used + ranges.size() > TG_RANGES) {
      report.error(first_service(policy), "the matches of services make more than " + std::to_string(TG_RANGES) +
                                              " port ranges over all their addresses, map ranges holds no more; use "
                                              "fewer or wider ranges, or the same addresses for more services");
      return;
    }
    append(ranges, used, table);
    used += ranges.size();
    for (const Range& range : ranges) reached.insert(range.service);
  }
  // Beside a collision it would only repeat it in other words.
  if (!report.failed()) report_unreached(policy, slots, reached, report);
}

unsigned lookup(const tg_service_table& table, unsigned destination_class, std::uint32_t point) {
  const auto* begin = table.start + table.first[destination_class];
  const auto* end = table.start + table.first[destination_class + 1];
  const auto* after = std::upper_bound(begin, end, point);
  return table.service[after - table.start - 1];
}

}  // namespace tidegate::policy
