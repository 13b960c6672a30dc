// SPDX-License-Identifier: Apache-2.0
#include "agent/control/why.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "agent/policy/compile.hpp"
#include "bpf/abi/limits.h"
#include "bpf/abi/reasons.h"

namespace tidegate::control {
namespace {

using decisions::Action;

std::string per_second(double rate) {
  char text[32];
  std::snprintf(text, sizeof(text), rate < 10 ? "%.1f/s" : "%.0f/s", rate);
  return text;
}

std::string milliseconds(std::uint64_t nanoseconds) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f ms", static_cast<double>(nanoseconds) / 1e6);
  return text;
}

std::string undo_of(const decisions::Decision& decision) {
  if (decision.origin == "operator") return "tidegate unblock " + decision.target.to_string();
  return "tidegate decisions delete " + std::to_string(decision.id);
}

std::string evidence_of(const decisions::Decision& decision) {
  std::string text = "decision " + std::to_string(decision.id) + ", made " + to_rfc3339(decision.created) + " by " +
                     (decision.actor.empty() ? "an unknown caller" : decision.actor);
  if (decision.forced) text += ", forced against the lock-out guard";
  if (decision.limit.packets) text += ", packets " + format_packet_rate(*decision.limit.packets);
  if (decision.limit.bytes) text += ", bytes " + format_byte_rate(*decision.limit.bytes);
  return text;
}

constexpr std::size_t kMostConnections = 20;  // of one decision, the latest

std::string evidence_of(const BlockedIdentity& identity) {
  std::string text = "decision " + std::to_string(identity.id) + " on " + identity.target() + ", made " +
                     to_rfc3339(identity.created) + "; " + std::to_string(identity.connections.size()) +
                     " connections of this address are blocked, " + std::to_string(identity.connections_blocked) +
                     " of all addresses since then";
  if (identity.behind_proxy > 0) {
    text += "; seen " + std::to_string(identity.behind_proxy) + " times through a trusted proxy, where nothing is done";
  }
  return text;
}

constexpr double kDropping = 0.1;  // packets per second

// What decisions do is told with them.
bool is_decided(unsigned reason) {
  return reason == TG_REASON_BLOCKED_ADDRESS || reason == TG_REASON_BLOCKED_PREFIX ||
         reason == TG_REASON_BLOCKED_FLOW || reason == TG_REASON_SOURCE_LIMIT;
}

// Of what is dropped whatever service it is for; empty where nothing can be set.
std::string undo_of(unsigned reason) {
  const auto set = [](const char* what) { return std::string(what) + " in the policy, then tidegate policy apply"; };
  switch (reason) {
    case TG_REASON_FRAGMENT:
      return set("set `fragments: {non_first: pass}`");
    case TG_REASON_REPLY_LIMIT:
      return set("raise the rate of `replies:`");
    case TG_REASON_SAFELIST_CEILING:
      return "raise the ceiling of its safelist entry";
    case TG_REASON_PROXY_CEILING:
      return set("raise the ceiling of its entry in `trusted_proxies`");
    default:
      break;
  }
  const bool malformed = reason >= TG_REASON_MALFORMED_ETHERNET && reason <= TG_REASON_MALFORMED_ICMP;
  return malformed ? set("set `malformed: pass`") : std::string();
}

std::string would_drop(double rate) {
  return rate < kDropping ? std::string() : " and would drop " + per_second(rate) + " but for a dry-run";
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// One unit of a bucket: how far its time is ahead, against how far it may be.
struct Debt {
  std::string text;
  bool over = false;
};

Debt debt_of(const char* unit, std::uint64_t tat, std::uint64_t now, const std::optional<policy::Limit>& limit,
             bool is_bytes, std::chrono::nanoseconds tick) {
  if (tat <= now) return {};
  Debt debt{std::string(unit) + ' ' + milliseconds(tat - now), false};
  if (!limit) return debt;
  const auto rate = policy::to_gcra(limit->rate, limit->burst, is_bytes, tick);
  if (!rate || rate->burst == 0) return debt;
  debt.text += " of " + milliseconds(rate->burst);
  const std::uint64_t unit_cost = is_bytes ? 0 : rate->cost;
  debt.over = tat - now + unit_cost > rate->burst;
  return debt;
}

}  // namespace

struct WhyController::Findings {
  Address address;
  std::vector<telemetry::SourceFigures> figures;
  std::shared_ptr<const InForce> in_force;
  WhyReport report;
  std::vector<std::string> safelisted_on;  // interfaces, of entries that are bound to one
  std::vector<std::string> dropped_for;    // reasons other than decisions and limits of services
  bool safelisted = false, proxied = false, blocked = false, limited = false, attached = false;
  std::size_t connections = 0;  // that are blocked
};

Status WhyController::add_safelist(Findings& found) const {
  TIDEGATE_ASSIGN(const auto entries, safelist_.check(found.address.to_string()));
  for (const auto& entry : entries) {
    const bool own = entry.origin == "operator";
    std::string evidence = "ceiling " + format_packet_rate(entry.ceiling);
    if (!entry.interface.empty()) evidence += ", only on " + entry.interface;
    found.report.matches.push_back(
        {.kind = "safelist",
         .origin = entry.origin,
         .target = entry.prefix.to_string(),
         .reason = entry.reason,
         .evidence = std::move(evidence),
         .expires = std::nullopt,
         .undo = own ? "tidegate safelist remove " + entry.prefix.to_string()
                     : "remove it from `safelist` of the policy, then tidegate policy apply"});
    if (entry.interface.empty()) {
      found.safelisted = true;
    } else {
      found.safelisted_on.push_back(entry.interface);
    }
  }
  return {};
}

void WhyController::add_proxies(Findings& found) const {
  if (!found.in_force) return;
  for (const auto& proxy : found.in_force->policy.trusted_proxies) {
    if (!proxy.prefix.contains(found.address)) continue;
    found.report.matches.push_back(
        {.kind = "proxy",
         .origin = "policy",
         .target = proxy.prefix.to_string(),
         .reason = "carries other people's requests: never blocked by address",
         .evidence = "ceiling " + format_packet_rate(proxy.ceiling.value_or(kDefaultCeiling)),
         .expires = std::nullopt,
         .undo = "remove it from `trusted_proxies` of the policy, then tidegate policy apply"});
    found.proxied = true;
  }
}

Status WhyController::add_decisions(Findings& found) const {
  TIDEGATE_ASSIGN(const auto covering, env_.decisions.covering(Prefix::host(found.address)));
  const WallTime now = env_.clock.wall();
  for (const auto& decision : covering) {
    if (decision.expires && *decision.expires <= now) continue;
    WhyMatch match{.kind = std::string(to_string(decision.action)),
                   .origin = decision.origin,
                   .target = decision.target.to_string(),
                   .reason = decision.reason,
                   .evidence = evidence_of(decision),
                   .expires = decision.expires,
                   .undo = undo_of(decision)};
    const bool block = decision.action == Action::kBlock;
    found.blocked = found.blocked || block;
    found.limited = found.limited || decision.action == Action::kLimit;
    const unsigned reason = !block                      ? TG_REASON_SOURCE_LIMIT
                            : decision.target.is_host() ? TG_REASON_BLOCKED_ADDRESS
                                                        : TG_REASON_BLOCKED_PREFIX;
    for (const auto& row : found.figures) {
      if (row.reason != reason) continue;
      match.packets += row.dropped_total;
      match.bytes += row.dropped_bytes;
    }
    found.report.matches.push_back(std::move(match));
  }
  return {};
}

void WhyController::add_connections(Findings& found) const {
  std::uint64_t packets = 0, bytes = 0;
  for (const auto& row : found.figures) {
    if (row.reason != TG_REASON_BLOCKED_FLOW) continue;
    packets += row.dropped_total;
    bytes += row.dropped_bytes;
  }
  for (const auto& identity : identities_.of_client(Prefix::host(found.address))) {
    found.connections += identity.connections.size();
    const std::size_t most = std::min(identity.connections.size(), kMostConnections);
    for (auto at = identity.connections.rbegin(); at != identity.connections.rbegin() + static_cast<long>(most); ++at) {
      found.report.matches.push_back({.kind = "connection",
                                      .origin = identity.origin(),
                                      .target = format(*at),
                                      .reason = identity.reason,
                                      .evidence = evidence_of(identity),
                                      .expires = identity.expires,
                                      .packets = packets,  // of all blocked connections of the address
                                      .bytes = bytes,
                                      .undo = "tidegate decisions delete " + std::to_string(identity.id)});
    }
  }
}

void WhyController::add_buckets(Findings& found) const {
  const auto now = static_cast<std::uint64_t>(env_.clock.monotonic().count());
  for (const auto& bucket : env_.datapath.buckets_of(found.address)) {
    const std::string name = env_.telemetry.service_name(bucket.service);
    policy::Limits limits;
    if (found.in_force) {
      for (const auto& service : found.in_force->policy.services) {
        if (service.name == name) limits = service.limits;
      }
    }
    const Debt debts[] = {debt_of("packets", bucket.tats.packets, now, limits.packets, false, env_.tick),
                          debt_of("bytes", bucket.tats.bytes, now, limits.bytes, true, env_.tick),
                          debt_of("syn", bucket.tats.syn, now, limits.syn, false, env_.tick)};
    std::string text;
    bool over = false;
    for (const Debt& debt : debts) {
      if (!debt.text.empty()) text += (text.empty() ? "debt: " : ", ") + debt.text;
      over = over || debt.over;
    }
    found.limited = found.limited || over;
    found.report.matches.push_back({.kind = "bucket",
                                    .origin = "policy",
                                    .target = env_.telemetry.source_of(found.address).to_string(),
                                    .reason = "known to service " + name + (over ? ", and over its limit now" : ""),
                                    .evidence = text.empty() ? "no debt" : std::move(text),
                                    .expires = std::nullopt,
                                    .undo = {}});
  }
}

void WhyController::add_services(Findings& found) const {
  for (const auto& row : found.figures) {
    const std::string name = env_.telemetry.service_name(row.service);
    WhyMatch match{.kind = "service",
                   .origin = "policy",
                   .target = row.source.to_string(),
                   .reason = std::string(telemetry::reason_name(row.reason)),
                   .evidence = "service " + name + ": passes " + per_second(row.passed_pps) + ", drops " +
                               per_second(row.dropped_pps) + would_drop(row.would_drop_pps) + "; " +
                               std::to_string(row.passed_total) + " passed and " + std::to_string(row.dropped_total) +
                               " dropped in all",
                   .expires = std::nullopt,
                   .packets = row.passed_total + row.dropped_total,
                   .bytes = row.passed_bytes + row.dropped_bytes,
                   .undo = {}};
    if (row.dropped_pps >= kDropping && !is_decided(row.reason)) {
      const bool by_limit = row.service < TG_POLICY_SERVICES;
      match.undo = by_limit ? "raise services." + name + ".limits in the policy, then tidegate policy apply"
                            : undo_of(row.reason);
      if (by_limit) {
        found.limited = true;
      } else {
        found.dropped_for.push_back(match.reason);
      }
    }
    found.report.matches.push_back(std::move(match));
  }
}

void WhyController::add_proven(Findings& found) const {
  if (!env_.datapath.is_proven(found.address)) return;
  found.report.matches.push_back({.kind = "proven",
                                  .origin = "kernel",
                                  .target = env_.telemetry.source_of(found.address).to_string(),
                                  .reason = "completed a TCP handshake with this host",
                                  .evidence = "does not draw on the new_sources budgets",
                                  .expires = std::nullopt,
                                  .undo = {}});
}

void WhyController::add_interfaces(Findings& found) const {
  for (const auto& entry : attach_.states()) {
    found.attached = found.attached || entry.state.attached;
    if (entry.state.attached) continue;
    found.report.matches.push_back(
        {.kind = "interface",
         .origin = entry.detached_by_operator ? "operator" : "agent",
         .target = entry.state.interface,
         .reason = entry.detached_by_operator ? "detached: nothing is enforced there" : entry.state.problem,
         .evidence = {},
         .expires = std::nullopt,
         .undo = "tidegate attach --interface " + entry.state.interface});
  }
}

// Of an address that no entry spares everywhere.
void WhyController::conclude_unspared(Findings& found) const {
  const auto say = [&](const char* verdict, std::string summary) {
    found.report.verdict = verdict;
    found.report.summary = std::move(summary);
  };
  const bool dry_run = found.in_force && !found.in_force->policy.enforce;
  if (dry_run && (found.blocked || found.limited)) {
    return say("pass", std::string("nothing would drop this: the whole host is in dry-run, otherwise it would be ") +
                           (found.blocked ? "dropped" : "limited"));
  }
  if (found.blocked) return say("drop", "every packet from here is dropped by a block decision");
  const std::string connections = std::to_string(found.connections) + " of its connections " +
                                  (found.connections == 1 ? "is" : "are") + (dry_run ? " not" : "") +
                                  " dropped by decisions on sessions or accounts";
  if (found.limited && found.connections > 0) return say("limit", connections + "; what is over the limits is, too");
  if (found.connections > 0)
    return say("pass", connections + (dry_run ? ": the whole host is in dry-run" : "; its others pass"));
  if (found.limited) return say("limit", "what is over the limits named here is dropped");
  if (!found.dropped_for.empty()) {
    return say("limit", "some of its packets are dropped, whatever service they are for: " + joined(found.dropped_for));
  }
  say("pass", "nothing would drop this");
}

void WhyController::conclude(Findings& found) const {
  const auto say = [&](const char* verdict, std::string summary) {
    found.report.verdict = verdict;
    found.report.summary = std::move(summary);
  };
  if (!found.attached) return say("pass", "nothing would drop this: no interface is attached");
  if (found.safelisted) return say("safelisted", "only the ceiling of its safelist entry would drop this");
  if (found.proxied) return say("pass", "a trusted proxy: only the ceiling of its entry would drop this");
  conclude_unspared(found);
  if (found.safelisted_on.empty()) return;
  const std::string where = "on " + joined(found.safelisted_on) + " only";
  const bool harmless = !found.blocked && !found.limited && found.connections == 0 && found.dropped_for.empty();
  if (harmless) return say("safelisted", where + " the ceiling of its safelist entry would drop this");
  found.report.summary += "; it is safelisted " + where;
}

Result<WhyReport> WhyController::explain(const std::string& text) const {
  Findings found;
  TIDEGATE_ASSIGN(found.address, Address::parse(text));
  found.in_force = enforcement_.in_force();
  found.figures = env_.telemetry.source(found.address);
  TIDEGATE_TRY(add_safelist(found));
  add_proxies(found);
  TIDEGATE_TRY(add_decisions(found));
  add_connections(found);
  add_buckets(found);
  add_services(found);
  add_proven(found);
  add_interfaces(found);
  conclude(found);
  found.report.address = found.address;
  return std::move(found.report);
}

}  // namespace tidegate::control
