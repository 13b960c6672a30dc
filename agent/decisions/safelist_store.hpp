// SPDX-License-Identifier: Apache-2.0
// Safelist entries of `tidegate safelist add`, durable; those of the policy are in its text.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/decisions/decision.hpp"

namespace tidegate::decisions {

struct NewSafelistEntry {
  Prefix prefix;
  std::optional<Rate> ceiling;  // none: the default of 1000000/s
  std::string interface;        // empty: any
  std::string reason;
  std::string actor;
};

struct SafelistEntry : NewSafelistEntry {
  WallTime created;
};

// Thread-safe. Every mutation is one transaction, synced before it returns. Errors as Store's.
class SafelistStore {
 public:
  // Beside the decisions in the same file.
  static Result<std::unique_ptr<SafelistStore>> open(const std::filesystem::path& file, const Clock& clock);
  virtual ~SafelistStore() = default;

  // Replaces an entry of the same prefix and interface. kResourceExhausted beyond `kMostEntries`.
  virtual Result<std::vector<SafelistEntry>> add(std::span<const NewSafelistEntry> entries) = 0;
  // Removes every entry with exactly this prefix; returns them. All or nothing: kNotFound names what is not there.
  virtual Result<std::vector<SafelistEntry>> remove(std::span<const Prefix> prefixes) = 0;
  // In order of prefix.
  virtual Result<std::vector<SafelistEntry>> list() const = 0;

  static constexpr std::size_t kMostEntries = 1023;  // TG_SOURCE_ENTRIES less "none"
};

}  // namespace tidegate::decisions
