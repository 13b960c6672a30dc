// SPDX-License-Identifier: Apache-2.0
// Decisions, durable. SQLite in WAL mode behind it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/decisions/decision.hpp"

namespace tidegate::decisions {

// What the datapath should hold for one target: the longest-lasting block, the tightest limit. Neither: nothing.
// Of several limits each unit takes its smallest rate, and the effect lasts until the last of them expires: while
// nobody is there to fold what is left, a limit may be tighter than it has to be, and never is none.
struct Effect {
  Prefix target;
  bool blocked = false;
  std::optional<WallTime> blocked_until;  // none while blocked: for good
  bool limited = false;
  std::optional<WallTime> limited_until;
  LimitRates limit;
};

struct Query {
  std::optional<std::string> origin;
  std::optional<Address> contains;
  std::uint64_t limit = 0;  // 0: all
};

// The ids that one bulk change gave out, without gaps.
struct Stored {
  std::int64_t first_id = 0;
  std::uint64_t count = 0;
};

// Whom a rule decided on before, and for how long that counts.
struct Repeater {
  Prefix target;
  std::string origin;  // "rule:NAME"
  std::uint32_t decisions = 1;
  WallTime quiet_until{};  // no further decision before
  WallTime until{};        // then it is forgotten
};
inline constexpr std::size_t kMostRepeaters = 65536;  // that are kept; those that would be forgotten first make room

// Streams effects into a visitor.
using Effects = std::function<Status(const std::function<void(const Effect&)>& visit)>;

// Puts what a change means into the datapath. Called when the change is complete but not yet committed, with the
// effects of every target it names; an error undoes the change. It must not call the store. Should the commit then fail
// (disk full), the caller has to make the datapath follow the store again: the targets' effects are what they were
// before.
using Enforce = std::function<Status(const Effects& effects)>;

// Thread-safe. Every mutation is one transaction, synced before it returns; an error leaves the store as it was.
// Readers do not wait for writers. Ids are never given twice.
// Errors: kInvalidArgument (see validate()), kResourceExhausted (disk full), kDataLoss (damaged file), each with cause
// and remedy.
class Store {
 public:
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& file, const Clock& clock);
  virtual ~Store() = default;

  // Replaces a decision of the same target, action and origin. Returns them with ids, in order.
  // `repeaters` are remembered with them; what was known of the same target and origin is replaced.
  virtual Result<std::vector<Decision>> put(std::span<const NewDecision> decisions, const Enforce& enforce = {},
                                            std::span<const Repeater> repeaters = {}) = 0;
  // As put, for imports: returns only the number.
  virtual Result<std::uint64_t> put_many(std::span<const NewDecision> decisions) = 0;
  // As put_many without holding all in memory: `next` returns a decision that stays valid until its next call, null at
  // the end. Fastest in order of target. `next` must not call this store. An error of `next` undoes everything.
  virtual Result<Stored> put_stream(const std::function<Result<const NewDecision*>()>& next,
                                    const Enforce& enforce = {}) = 0;
  // Removes decisions and returns them.
  virtual Result<std::vector<Decision>> remove_ids(std::span<const std::int64_t> ids) = 0;
  virtual Result<std::vector<Decision>> remove_origin(const std::string& origin) = 0;
  // At most `most` of them, for origins of millions: until it returns none. Each call is a transaction of its own.
  virtual Result<std::vector<Decision>> remove_origin_some(const std::string& origin, std::size_t most) = 0;
  virtual Result<std::vector<Decision>> remove_target(const Prefix& target, const std::string& origin) = 0;
  // Removes what has expired, at most `most`; returns it.
  virtual Result<std::vector<Decision>> remove_expired(std::size_t most) = 0;

  // Streams in order of id (with `contains`: most specific first); `visit` returns false to stop and may call this
  // store. Expired ones are left out. What changes meanwhile may or may not be seen.
  virtual Status each(const Query& query, const std::function<bool(const Decision&)>& visit) const = 0;
  // Decisions whose target covers all of `target`, most specific first.
  virtual Result<std::vector<Decision>> covering(const Prefix& target) const = 0;
  virtual Result<std::vector<Effect>> effects(std::span<const Prefix> targets) const = 0;
  // In order of target; `visit` may call this store.
  virtual Status each_effect(const std::function<void(const Effect&)>& visit) const = 0;
  // The effects of every target that `stored` names, as they are now.
  virtual Status each_effect_of(const Stored& stored, const std::function<void(const Effect&)>& visit) const = 0;
  virtual Result<std::uint64_t> count() const = 0;
  // At most kMostRepeaters. They outlive their decisions.
  virtual Result<std::vector<Repeater>> repeaters() const = 0;
};

}  // namespace tidegate::decisions
