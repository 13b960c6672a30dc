// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/base/address.hpp"

namespace tidegate::cli {

// What became of a packet.
struct Fate {
  bool dropped = false;
  bool dry_run = false;  // passed only because of dry-run or tolerance
  unsigned reason = 0;   // enum tg_reason
};

struct Counts {
  std::uint64_t seen = 0;
  std::uint64_t passed = 0;
  std::uint64_t dropped = 0;
  std::uint64_t would_drop = 0;                 // part of passed
  std::map<unsigned, std::uint64_t> by_reason;  // of dropped and would_drop

  void add(const Fate& fate);
  void add(const Counts& other);
};

// Counts per source in bounded memory: when more than twice `most` sources are held, the `most` with most packets stay
// and the others become part of one sum. A source of that sum that comes back is counted anew.
class Tally {
 public:
  explicit Tally(std::size_t most = 65536) : most_(most) {}

  // No source: what is not IP.
  void add(const std::optional<Prefix>& source, const Fate& fate);

  const Counts& total() const { return total_; }
  const Counts& not_ip() const { return not_ip_; }
  const Counts& others() const { return others_; }
  std::uint64_t folded() const { return folded_; }  // sources that became part of others()
  // Those that lost most first, then by address.
  std::vector<std::pair<Prefix, Counts>> sorted() const;

 private:
  struct Hash {
    std::size_t operator()(const Prefix& prefix) const {
      return std::hash<std::uint64_t>{}(prefix.address.hi * 0x9e3779b97f4a7c15ULL ^ prefix.address.lo);
    }
  };

  void fold();

  std::size_t most_;
  std::unordered_map<Prefix, Counts, Hash> sources_;
  Counts total_;
  Counts not_ip_;
  Counts others_;
  std::uint64_t folded_ = 0;
};

// "packet_limit", as the agent and the metrics spell it.
std::string reason_name(unsigned reason);

}  // namespace tidegate::cli
