// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/advice.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "agent/policy/rates.hpp"
#include "agent/policy/services.hpp"

namespace tidegate::policy {
namespace {

// architecture.md: at 19 % debt a new source is turned away with probability 0.02 %, at 46 % with 3.4 %.
constexpr double kMostDebt = 0.25;

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint16_t kHttps = 443;

std::string percent(double share) { return std::to_string(std::lround(share * 100)) + " %"; }

// Seconds for which one packet of a source keeps its way in debt.
double debt_of_a_packet(const Limits& limits) {
  double seconds = 0;
  if (limits.packets) seconds = std::max(seconds, 1 / limits.packets->rate.per_second());
  if (limits.syn) seconds = std::max(seconds, 1 / limits.syn->rate.per_second());
  if (limits.bytes) seconds = std::max(seconds, static_cast<double>(kEthernetFrame) / limits.bytes->rate.per_second());
  return seconds;
}

void advise_debt(const CompileInput& input, Report& report) {
  double total = 0;
  double most = 0;
  const Service* worst = nullptr;
  for (const Service& service : input.policy.services) {
    const double share = debt_share(service, input.bucket_ways);
    total += share;
    if (share > most) most = share, worst = &service;
  }
  if (worst == nullptr || total <= kMostDebt) return;
  report.warning(
      worst->limits.new_sources->location,
      "service " + worst->name + ": new_sources ÷ rate puts " + percent(most) + " of the " +
          std::to_string(input.bucket_ways) + " ways in debt under a flood (all services: " + percent(total) +
          "), above 25 % new sources are turned away; lower new_sources, raise the limits or tables.buckets");
}

// Slots of the services that limit what they match; the default among them.
std::set<unsigned> limited_slots(const Policy& policy, const Compiled& compiled) {
  std::set<unsigned> slots;
  for (const Service& service : policy.services) {
    const Limits& limits = service.limits;
    if (limits.packets || limits.bytes) slots.insert(compiled.slots.at(service.name));
  }
  return slots;
}

const Service* service_at(const Policy& policy, const Compiled& compiled, unsigned slot) {
  for (const Service& service : policy.services) {
    if (compiled.slots.at(service.name) == slot) return &service;
  }
  return nullptr;
}

// HTTP/3 reaches the same server beside the limits of tcp/443 (RFC 9114).
void advise_quic(const CompileInput& input, const Compiled& compiled, std::size_t classes, Report& report) {
  const tg_service_table& table = compiled.image->ranges;
  const auto limited = limited_slots(input.policy, compiled);
  for (unsigned c = 0; c < classes; ++c) {
    const unsigned tcp = lookup(table, c, TG_POINT(kTcp, 1, kHttps));
    if (tcp == TG_SERVICE_NONE) continue;
    unsigned udp = lookup(table, c, TG_POINT(kUdp, 1, kHttps));
    if (udp == TG_SERVICE_NONE) udp = compiled.image->host.default_service;
    if (limited.contains(udp)) continue;
    const Service* service = service_at(input.policy, compiled, tcp);
    report.warning(service->location, "service " + service->name +
                                          " matches tcp/443, but udp/443 (HTTP/3) has no packet or byte limit; add a "
                                          "service for udp/443 or a default");
    return;
  }
}

bool matches_tcp(const Service& service) {
  return service.is_default ||
         std::any_of(service.match.begin(), service.match.end(), [](const Match& m) { return m.protocol == kTcp; });
}

// HTTP/3 is not inspected: what is inspected travels over TCP.
void advise_inspection(const Service& service, Report& report) {
  const Inspection& inspection = service.inspection;
  if (inspection.wanted() && !matches_tcp(service)) {
    report.warning(inspection.location, "service " + service.name +
                                            " asks for inspection, but matches no tcp; HTTP/3 and other udp is not "
                                            "inspected, so nothing of it is");
  }
  if (inspection.payloads && !inspection.wanted()) {
    report.warning(inspection.payloads->location,
                   "service " + service.name + " has `payloads`, but is not inspected; add `tls: {inspect: true}`");
  } else if (inspection.payloads && !has_payload_examiner()) {
    report.warning(inspection.payloads->location,
                   "service " + service.name +
                       ": payload inspection is not built in, so payloads are not examined; build with "
                       "libmodsecurity-dev and libpcre2-dev installed");
  }
  if (!inspection.wanted() && (inspection.session || inspection.account)) {
    report.warning(inspection.location, "service " + service.name + " names a " +
                                            (inspection.session ? "session" : "account") +
                                            ", but is not inspected; add `tls: {inspect: true}`");
  }
}

}  // namespace

double debt_share(const Service& service, std::uint64_t bucket_ways) {
  if (!service.limits.new_sources || bucket_ways == 0) return 0;
  const double ways = service.limits.new_sources->rate.per_second() * debt_of_a_packet(service.limits);
  return ways / static_cast<double>(bucket_ways);
}

void advise(const CompileInput& input, const Compiled& compiled, Report& report) {
  advise_debt(input, report);
  const auto& first = compiled.image->ranges.first;
  std::size_t classes = 1;
  while (classes <= TG_DESTINATION_CLASSES && first[classes + 1] > first[classes]) ++classes;
  advise_quic(input, compiled, classes, report);
  for (const Service& service : input.policy.services) {
    advise_inspection(service, report);
    if (service.limits.syn && !matches_tcp(service)) {
      report.warning(service.limits.syn->location,
                     "service " + service.name + " limits syn, but matches no tcp; it never applies");
    }
  }
}

}  // namespace tidegate::policy
