// SPDX-License-Identifier: Apache-2.0
#include "agent/api/convert.hpp"

#include <algorithm>

namespace tidegate::api {
namespace {

constexpr std::int64_t kNanos = 1'000'000'000;
constexpr std::int64_t kMostSeconds = 3650LL * 24 * 3600;
constexpr std::size_t kMostConnections = 100;  // of an identity, the latest

v1::Action to_action(decisions::Action action) {
  switch (action) {
    case decisions::Action::kBlock:
      return v1::ACTION_BLOCK;
    case decisions::Action::kLimit:
      return v1::ACTION_LIMIT;
    case decisions::Action::kMonitor:
      return v1::ACTION_MONITOR;
  }
  return v1::ACTION_UNSPECIFIED;
}

v1::PolicyChange::Kind to_kind(policy::ChangeKind kind) {
  switch (kind) {
    case policy::ChangeKind::kAdded:
      return v1::PolicyChange::ADDED;
    case policy::ChangeKind::kRemoved:
      return v1::PolicyChange::REMOVED;
    case policy::ChangeKind::kChanged:
      return v1::PolicyChange::CHANGED;
  }
  return v1::PolicyChange::KIND_UNSPECIFIED;
}

}  // namespace

void set_time(google::protobuf::Timestamp* to, WallTime time) {
  const std::int64_t nanoseconds = time.time_since_epoch().count();
  to->set_seconds(nanoseconds / kNanos);
  to->set_nanos(static_cast<std::int32_t>(nanoseconds % kNanos));
}

void set_duration(google::protobuf::Duration* to, std::chrono::nanoseconds duration) {
  to->set_seconds(duration.count() / kNanos);
  to->set_nanos(static_cast<std::int32_t>(duration.count() % kNanos));
}

Result<std::chrono::nanoseconds> to_duration(const google::protobuf::Duration& duration) {
  const bool negative = duration.seconds() < 0 || duration.nanos() < 0;
  if (negative || duration.seconds() > kMostSeconds || (duration.seconds() == 0 && duration.nanos() == 0)) {
    return fail(ErrorCode::kInvalidArgument, "duration: must be more than 0 and at most 3650d");
  }
  return std::chrono::nanoseconds(duration.seconds() * kNanos + duration.nanos());
}

Result<decisions::LimitRates> to_rates(const v1::LimitRates& rates) {
  decisions::LimitRates parsed;
  if (!rates.packets().empty()) {
    TIDEGATE_ASSIGN(parsed.packets, parse_packet_rate(rates.packets()));
  }
  if (!rates.bytes().empty()) {
    TIDEGATE_ASSIGN(parsed.bytes, parse_byte_rate(rates.bytes()));
  }
  return parsed;
}

void fill(v1::Decision& to, const decisions::Decision& from) {
  to.set_id(from.id);
  to.set_target(from.target.to_string());
  to.set_action(to_action(from.action));
  to.set_origin(from.origin);
  to.set_reason(from.reason);
  set_time(to.mutable_created(), from.created);
  if (from.expires) set_time(to.mutable_expires(), *from.expires);
  if (from.limit.packets) to.mutable_limit()->set_packets(format_packet_rate(*from.limit.packets));
  if (from.limit.bytes) to.mutable_limit()->set_bytes(format_byte_rate(*from.limit.bytes));
  to.set_forced(from.forced);
  to.set_actor(from.actor);
}

void fill(v1::Decision& to, const control::BlockedIdentity& from) {
  to.set_id(from.id);
  to.set_target(from.target());
  to.set_action(v1::ACTION_BLOCK);
  to.set_origin(from.origin());
  to.set_reason(from.reason);
  set_time(to.mutable_created(), from.created);
  set_time(to.mutable_expires(), from.expires);
  to.set_actor(from.origin());
  auto& identity = *to.mutable_identity();
  identity.set_service(from.service);
  identity.set_connections_blocked(from.connections_blocked);
  identity.set_behind_proxy(from.behind_proxy);
  const std::size_t most = std::min(from.connections.size(), kMostConnections);
  for (auto at = from.connections.end() - static_cast<long>(most); at != from.connections.end(); ++at) {
    identity.add_connections(control::format(*at));
  }
}

void fill(v1::SafelistEntry& to, const control::ListedEntry& from) {
  to.set_target(from.prefix.to_string());
  to.set_origin(from.origin);
  to.set_ceiling(format_packet_rate(from.ceiling));
  to.set_interface(from.interface);
  to.set_reason(from.reason);
  if (from.created) set_time(to.mutable_created(), *from.created);
}

void fill(v1::PolicyIssue& to, const policy::Issue& from) {
  to.set_line(from.location.line);
  to.set_column(from.location.column);
  to.set_message(from.message);
  to.set_warning(from.warning);
}

void fill(v1::PolicyChange& to, const policy::Change& from) {
  to.set_kind(to_kind(from.kind));
  to.set_path(from.path);
  to.set_before(from.before);
  to.set_after(from.after);
}

void fill(v1::PolicyGeneration& to, const history::Generation& from) {
  to.set_generation(from.generation);
  set_time(to.mutable_applied(), from.applied);
  to.set_actor(from.actor);
  to.set_comment(from.comment);
  to.set_active(from.state == history::GenerationState::kActive ||
                from.state == history::GenerationState::kPendingConfirm);
  if (from.confirm_by) set_time(to.mutable_confirm_by(), *from.confirm_by);
}

void fill(v1::ApplyPolicyResponse& to, const control::ApplyReport& from) {
  to.set_generation(from.generation);
  for (const auto& change : from.changes) fill(*to.add_changes(), change);
  for (const auto& warning : from.warnings) fill(*to.add_issues(), warning);
  for (const auto& name : from.not_enforced) to.add_not_enforced(name);
  if (from.confirm_by) set_time(to.mutable_confirm_by(), *from.confirm_by);
}

}  // namespace tidegate::api
