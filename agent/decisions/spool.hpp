// SPDX-License-Identifier: Apache-2.0
// An import on its way: decisions put aside on disk until the last line proved good, handed on in order of target.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "agent/decisions/decision.hpp"

namespace tidegate::decisions {

// Bounded memory (about 8 MB) for any number of decisions: sorted runs in an unnamed file, merged at the end. So a slow
// client holds no lock of the store, and the store sees one sequential pass. Not thread-safe.
class Spool {
 public:
  // `directory`: where the unnamed file is made, usually the state directory.
  static Result<std::unique_ptr<Spool>> create(const std::filesystem::path& directory);
  virtual ~Spool() = default;

  virtual Status add(const NewDecision& decision) = 0;
  virtual std::uint64_t size() const = 0;
  // For Store::put_stream; once. Of decisions with the same target, action and origin the one added last comes last.
  virtual Result<std::function<Result<const NewDecision*>()>> drain() = 0;
};

}  // namespace tidegate::decisions
