// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/export_nft.hpp"

#include <algorithm>
#include <utility>

namespace tidegate::decisions {
namespace {

Address next(Address a) { return {a.hi + (a.lo == ~0ULL ? 1 : 0), a.lo + 1}; }
Address previous(Address a) { return {a.hi - (a.lo == 0 ? 1 : 0), a.lo - 1}; }

// No expiry lasts longest.
bool lasts_longer(const std::optional<WallTime>& a, const std::optional<WallTime>& b) {
  if (!a || !b) return !a && b;
  return *a > *b;
}

// Prefixes nest or are apart: a stack of those around the present address is enough.
class Sweep {
 public:
  explicit Sweep(const std::function<void(const Interval&)>& visit) : visit_(visit) {}

  void enter(const Block& block) {
    while (!around_.empty() && around_.back().last < block.target.address) leave();
    if (!around_.empty()) {
      if (!lasts_longer(block.expires, around_.back().expires)) return;
      if (at_ < block.target.address) emit(previous(block.target.address), around_.back().expires);
    }
    at_ = block.target.address;
    around_.push_back({block.target.last(), block.expires});
  }

  void leave_all() {
    while (!around_.empty()) leave();
  }

 private:
  struct Level {
    Address last;
    std::optional<WallTime> expires;
  };

  void leave() {
    const Level level = around_.back();
    around_.pop_back();
    if (over_ || level.last < at_) return;
    emit(level.last, level.expires);
    over_ = level.last == Address{~0ULL, ~0ULL};  // nothing comes behind the highest address
    at_ = next(level.last);
  }
  void emit(Address last, const std::optional<WallTime>& expires) { visit_({at_, last, expires}); }

  const std::function<void(const Interval&)>& visit_;
  std::vector<Level> around_;
  Address at_;
  bool over_ = false;
};

std::string range_of(const Interval& interval) {
  for (unsigned length = 0; length <= 128; ++length) {
    const Prefix prefix = Prefix::around(interval.first, length);
    if (prefix.address == interval.first && prefix.last() == interval.last) return prefix.to_string();
  }
  return interval.first.to_string() + "-" + interval.last.to_string();
}

class NftExporter final : public Exporter {
 public:
  NftExporter(WallTime now, Write write) : now_(now), write_(std::move(write)) {}

  void add(const Decision& decision) override {
    if (decision.expires && *decision.expires <= now_) return;
    if (decision.action != Action::kBlock) {
      ++left_out_;
      return;
    }
    (decision.target.is_v4() ? v4_ : v6_).push_back({decision.target, decision.expires});
  }

  void finish() override {
    write_("#!/usr/sbin/nft -f\n# Blocks of Tidegate, " + to_rfc3339(now_) + ". Sets only: a rule such as\n" +
           "# `ip saddr @blocked_ipv4 drop` in a chain of this table enforces them.\n");
    if (left_out_ > 0) write_("# Not in here: " + std::to_string(left_out_) + " limit and monitor decisions.\n");
    write_("table inet tidegate_export {\n");
    write_set("blocked_ipv4", "ipv4_addr", std::exchange(v4_, {}));
    write_set("blocked_ipv6", "ipv6_addr", std::exchange(v6_, {}));
    write_("}\n");
  }

 private:
  void write_set(const std::string& name, const std::string& type, std::vector<Block> blocks) {
    write_("\tset " + name + " {\n\t\ttype " + type + "\n\t\tflags interval, timeout\n");
    bool any = false;
    each_disjoint(std::move(blocks), [&](const Interval& interval) {
      std::string element = (std::exchange(any, true) ? ",\n\t\t\t" : "\t\telements = {\n\t\t\t") + range_of(interval);
      if (interval.expires) {
        const auto left = std::chrono::ceil<std::chrono::seconds>(*interval.expires - now_);
        element += " timeout " + std::to_string(left.count()) + "s";
      }
      write_(element);
    });
    write_(any ? "\n\t\t}\n\t}\n" : "\t}\n");
  }

  WallTime now_;
  Write write_;
  std::vector<Block> v4_;
  std::vector<Block> v6_;
  std::uint64_t left_out_ = 0;
};

}  // namespace

void each_disjoint(std::vector<Block> blocks, const std::function<void(const Interval&)>& visit) {
  // Of equal targets the one that lasts longest comes first, and the others add nothing.
  std::ranges::sort(blocks, [](const Block& a, const Block& b) {
    return a.target != b.target ? a.target < b.target : lasts_longer(a.expires, b.expires);
  });
  Sweep sweep(visit);
  for (const Block& block : blocks) sweep.enter(block);
  sweep.leave_all();
}

std::unique_ptr<Exporter> make_nft_exporter(WallTime now, Exporter::Write write) {
  return std::make_unique<NftExporter>(now, std::move(write));
}

}  // namespace tidegate::decisions
