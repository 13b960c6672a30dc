// SPDX-License-Identifier: Apache-2.0
#include "agent/control/enforcement.hpp"

#include <algorithm>
#include <utility>

#include "agent/control/rule_engine.hpp"

namespace tidegate::control {
namespace {

policy::SafelistEntry to_policy(const decisions::SafelistEntry& stored) {
  policy::SafelistEntry entry;
  entry.prefix = stored.prefix;
  entry.ceiling = stored.ceiling;
  if (!stored.interface.empty()) entry.interface = stored.interface;
  return entry;
}

}  // namespace

std::string errors_of(const std::vector<policy::Issue>& issues) {
  std::string text;
  for (const policy::Issue& issue : issues) {
    if (issue.warning) continue;
    if (!text.empty()) text += '\n';
    if (issue.location.line != 0) {
      text += std::to_string(issue.location.line) + ':' + std::to_string(issue.location.column) + ": ";
    }
    text += issue.message;
  }
  return text;
}

std::string first_error_of(const std::vector<policy::Issue>& issues) {
  const std::string all = errors_of(issues);
  const std::size_t end = all.find('\n');
  if (end == std::string::npos) return all;
  return all.substr(0, end) + " (and " + std::to_string(std::count(all.begin(), all.end(), '\n')) + " more)";
}

Result<std::vector<policy::SafelistEntry>> Enforcement::stored_safelist() const {
  TIDEGATE_ASSIGN(const auto stored, env_.safelist.list());
  std::vector<policy::SafelistEntry> entries;
  entries.reserve(stored.size());
  for (const auto& entry : stored) entries.push_back(to_policy(entry));
  return entries;
}

policy::CompileReport Enforcement::compile(const policy::Policy& policy,
                                           const std::vector<policy::SafelistEntry>& extra) const {
  return policy::compile_all({.policy = policy,
                              .extra_safelist = extra,
                              .slots = env_.datapath.slots(),
                              .bucket_ways = env_.bucket_ways,
                              .tick = env_.tick,
                              .ifindex_of = env_.ifindex_of});
}

policy::CompileReport Enforcement::prepare(const policy::Policy& policy) const {
  const auto extra = stored_safelist();
  return compile(policy, extra ? *extra : std::vector<policy::SafelistEntry>{});
}

Status Enforcement::put(policy::Policy policy, std::uint64_t generation) {
  const std::lock_guard lock(writing_);
  TIDEGATE_ASSIGN(auto extra, stored_safelist());
  return write({std::move(policy), generation, std::move(extra), {}, {}});
}

Status Enforcement::refresh() {
  const std::lock_guard lock(writing_);
  return refresh_locked();
}

Status Enforcement::refresh_locked() {
  const auto present = in_force();
  if (!present) return {};
  TIDEGATE_ASSIGN(auto extra, stored_safelist());
  return write({present->policy, present->generation, std::move(extra), {}, {}});
}

Status Enforcement::follow_interfaces() {
  const std::lock_guard lock(writing_);
  const auto present = in_force();
  if (!present || indexes_of(*present) == present->ifindexes) return {};
  return refresh_locked();
}

std::map<std::string, unsigned> Enforcement::indexes_of(const InForce& state) const {
  std::map<std::string, unsigned> indexes;
  for (const auto* entries : {&state.policy.safelist, &state.extra_safelist}) {
    for (const auto& entry : *entries) {
      if (entry.interface) indexes[*entry.interface] = env_.ifindex_of(*entry.interface);
    }
  }
  return indexes;
}

Status Enforcement::write(InForce next) {
  next.ifindexes = indexes_of(next);
  const auto report = compile(next.policy, next.extra_safelist);
  if (!report.compiled) return fail(ErrorCode::kInvalidArgument, errors_of(report.issues));
  TIDEGATE_TRY(env_.datapath.apply(*report.compiled->image, report.compiled->slots,
                                   static_cast<std::uint32_t>(next.generation)));
  env_.telemetry.set_policy(report.compiled->slots, next.policy.ipv4_prefix, next.policy.ipv6_prefix);
  if (env_.apis != nullptr) env_.apis->set_policy(next.policy);
  if (env_.rules != nullptr) env_.rules->set_policy(next.policy);
  if (env_.inspection != nullptr) env_.inspection->set_policy(next.policy);
  next.warnings = report.compiled->warnings;
  *in_force_.lock() = std::make_shared<const InForce>(std::move(next));
  return {};
}

std::shared_ptr<const InForce> Enforcement::in_force() const { return *in_force_.lock(); }

}  // namespace tidegate::control
