// SPDX-License-Identifier: Apache-2.0
// Decisions, durable: what is enforced, by whose word, until when. SQLite in WAL mode behind it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/base/clock.hpp"
#include "agent/base/error.hpp"
#include "agent/base/units.hpp"

namespace tidegate::decisions {

enum class Action { kBlock, kLimit, kMonitor };

// A limit decision's rates; at least one.
struct LimitRates {
  std::optional<Rate> packets;
  std::optional<Rate> bytes;
};

struct NewDecision {
  Prefix target;
  Action action = Action::kBlock;
  std::string origin = "operator";
  std::string reason;
  std::optional<WallTime> expires;
  LimitRates limit;
  bool forced = false;
  std::string actor;
};

struct Decision : NewDecision {
  std::int64_t id = 0;
  WallTime created;
};

// What the datapath should hold for one target: the longest-lasting block, the tightest limit. Neither: nothing.
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

// Thread-safe. Every mutation is one transaction, synced before it returns; an error leaves the store as it was.
// Errors: kResourceExhausted (disk full), kDataLoss (damaged file), each with cause and remedy.
class Store {
 public:
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& file, const Clock& clock);
  virtual ~Store() = default;

  // Replaces a decision of the same target, action and origin. Returns them with ids, in order.
  virtual Result<std::vector<Decision>> put(std::span<const NewDecision> decisions) = 0;
  // As put, for imports: returns only the number.
  virtual Result<std::uint64_t> put_many(std::span<const NewDecision> decisions) = 0;
  // Removes decisions and returns them.
  virtual Result<std::vector<Decision>> remove_ids(std::span<const std::int64_t> ids) = 0;
  virtual Result<std::vector<Decision>> remove_origin(const std::string& origin) = 0;
  virtual Result<std::vector<Decision>> remove_target(const Prefix& target, const std::string& origin) = 0;
  // Removes what has expired, at most `most`; returns it.
  virtual Result<std::vector<Decision>> remove_expired(std::size_t most) = 0;

  // Streams; `visit` returns false to stop. Expired ones are left out.
  virtual Status each(const Query& query, const std::function<bool(const Decision&)>& visit) const = 0;
  // Decisions whose target covers all of `target`, most specific first.
  virtual Result<std::vector<Decision>> covering(const Prefix& target) const = 0;
  virtual Result<std::vector<Effect>> effects(std::span<const Prefix> targets) const = 0;
  virtual Status each_effect(const std::function<void(const Effect&)>& visit) const = 0;
  virtual Result<std::uint64_t> count() const = 0;
};

}  // namespace tidegate::decisions
