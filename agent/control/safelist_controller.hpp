// SPDX-License-Identifier: Apache-2.0
// The safelist of the CLI, beside the policy's.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/enforcement.hpp"
#include "agent/control/environment.hpp"

namespace tidegate::control {

struct ListedEntry {
  Prefix prefix;
  std::string origin;  // "policy" or "operator"
  Rate ceiling;
  std::string interface;  // empty: any
  std::string reason;
  std::optional<WallTime> created;  // of the operator's
};

struct SafelistAdded {
  std::vector<ListedEntry> entries;
  std::vector<decisions::Decision> overridden;  // block decisions that no longer act on part of their target
};

struct SafelistRemoval {
  std::vector<std::string> targets;
  bool force = false;
  std::string actor;
  std::vector<std::string> caller_peers = {};
};

inline constexpr Rate kDefaultCeiling{1'000'000, std::chrono::seconds(1)};

// Thread-safe: one mutex over store and image. An entry that the image has no room for is taken out of the store again.
class SafelistController {
 public:
  SafelistController(const Environment& environment, Enforcement& enforcement)
      : env_(environment), enforcement_(enforcement) {}

  Result<SafelistAdded> add(const std::vector<decisions::NewSafelistEntry>& entries);
  // kFailedPrecondition: the lock-out guard. Forced, it is recorded.
  Result<std::uint64_t> remove(const SafelistRemoval& removal);
  // The policy's and the operator's, in order of prefix.
  Result<std::vector<ListedEntry>> list() const;
  // Those that cover an address, most specific first.
  Result<std::vector<ListedEntry>> check(const std::string& address) const;

 private:
  Result<std::vector<decisions::Decision>> overridden_by(const std::vector<decisions::NewSafelistEntry>& entries) const;

  Status guard(const std::vector<Prefix>& removed, const SafelistRemoval& removal);

  const Environment& env_;
  Enforcement& enforcement_;
  std::mutex changing_;
};

}  // namespace tidegate::control
