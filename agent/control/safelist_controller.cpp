// SPDX-License-Identifier: Apache-2.0
#include "agent/control/safelist_controller.hpp"

#include <algorithm>
#include <utility>

#include "agent/control/guards.hpp"

namespace tidegate::control {
namespace {

using decisions::NewSafelistEntry;
using telemetry::EventKind;

constexpr std::size_t kMostOverridden = 100;

ListedEntry listed(const decisions::SafelistEntry& entry) {
  return {entry.prefix,    "operator",   entry.ceiling.value_or(kDefaultCeiling),
          entry.interface, entry.reason, entry.created};
}

std::vector<Prefix> prefixes_of(const std::vector<NewSafelistEntry>& entries) {
  std::vector<Prefix> prefixes;
  for (const auto& entry : entries) {
    if (std::find(prefixes.begin(), prefixes.end(), entry.prefix) == prefixes.end()) prefixes.push_back(entry.prefix);
  }
  return prefixes;
}

}  // namespace

Result<SafelistAdded> SafelistController::add(const std::vector<NewSafelistEntry>& entries) {
  if (entries.empty()) return fail(ErrorCode::kInvalidArgument, "no entry: name an address or a CIDR");
  const std::lock_guard lock(changing_);
  TIDEGATE_ASSIGN(const auto before, env_.safelist.list());
  TIDEGATE_ASSIGN(const auto stored, env_.safelist.add(entries));
  if (const auto done = enforcement_.refresh(); !done) {
    (void)env_.safelist.remove(prefixes_of(entries));
    std::vector<NewSafelistEntry> replaced;
    for (const auto& old : before) {
      const auto names = [&](const NewSafelistEntry& entry) { return entry.prefix == old.prefix; };
      if (std::any_of(entries.begin(), entries.end(), names)) replaced.push_back(old);
    }
    if (!replaced.empty()) (void)env_.safelist.add(replaced);
    return std::unexpected(done.error());
  }
  SafelistAdded added;
  for (const auto& entry : stored) {
    added.entries.push_back(listed(entry));
    env_.telemetry.note(EventKind::kSafelist, "safelisted " + entry.prefix.to_string() + " (" + entry.actor + ")");
  }
  TIDEGATE_ASSIGN(added.overridden, overridden_by(entries));
  return added;
}

Result<std::vector<decisions::Decision>> SafelistController::overridden_by(
    const std::vector<NewSafelistEntry>& entries) const {
  std::vector<decisions::Decision> overridden;
  for (const auto& entry : entries) {
    TIDEGATE_ASSIGN(const auto covering, env_.decisions.covering(entry.prefix));
    for (const auto& decision : covering) {
      if (decision.action == decisions::Action::kBlock && overridden.size() < kMostOverridden) {
        overridden.push_back(decision);
      }
    }
  }
  return overridden;
}

Status SafelistController::guard(const std::vector<Prefix>& removed, const SafelistRemoval& removal) {
  const auto present = enforcement_.in_force();
  std::vector<policy::SafelistEntry> left;
  if (present) left = present->extra_safelist;
  std::erase_if(left, [&](const auto& entry) {
    return std::find(removed.begin(), removed.end(), entry.prefix) != removed.end();
  });
  const auto allowed = guard_safelist(env_, present.get(), left, removal.caller_peers);
  if (allowed || !removal.force || allowed.error().code != ErrorCode::kFailedPrecondition) return allowed;
  return env_.history.audit({.time = {},
                             .actor = removal.actor,
                             .action = "safelist remove",
                             .detail = "forced: " + allowed.error().message});
}

Result<std::uint64_t> SafelistController::remove(const SafelistRemoval& removal) {
  std::vector<Prefix> prefixes;
  for (const auto& text : removal.targets) {
    TIDEGATE_ASSIGN(const Prefix prefix, Prefix::parse(text));
    prefixes.push_back(prefix);
  }
  const std::lock_guard lock(changing_);
  TIDEGATE_TRY(guard(prefixes, removal));
  TIDEGATE_ASSIGN(const auto removed, env_.safelist.remove(prefixes));
  if (const auto done = enforcement_.refresh(); !done) {
    (void)env_.safelist.add(std::vector<NewSafelistEntry>(removed.begin(), removed.end()));
    return std::unexpected(done.error());
  }
  for (const auto& entry : removed) {
    env_.telemetry.note(EventKind::kSafelist,
                        "safelist entry " + entry.prefix.to_string() + " removed by " + removal.actor);
  }
  return removed.size();
}

Result<std::vector<ListedEntry>> SafelistController::list() const {
  std::vector<ListedEntry> entries;
  if (const auto present = enforcement_.in_force()) {
    for (const auto& entry : present->policy.safelist) {
      entries.push_back({entry.prefix, "policy", entry.ceiling.value_or(kDefaultCeiling), entry.interface.value_or(""),
                         "", std::nullopt});
    }
  }
  TIDEGATE_ASSIGN(const auto stored, env_.safelist.list());
  for (const auto& entry : stored) entries.push_back(listed(entry));
  std::stable_sort(entries.begin(), entries.end(),
                   [](const ListedEntry& a, const ListedEntry& b) { return a.prefix < b.prefix; });
  return entries;
}

Result<std::vector<ListedEntry>> SafelistController::check(const std::string& text) const {
  TIDEGATE_ASSIGN(const Prefix target, Prefix::parse(text));
  TIDEGATE_ASSIGN(auto entries, list());
  std::erase_if(entries, [&](const ListedEntry& entry) { return !entry.prefix.contains(target); });
  std::stable_sort(entries.begin(), entries.end(),
                   [](const ListedEntry& a, const ListedEntry& b) { return a.prefix.length > b.prefix.length; });
  return entries;
}

}  // namespace tidegate::control
