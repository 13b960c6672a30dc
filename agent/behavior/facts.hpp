// SPDX-License-Identifier: Apache-2.0
// One summary as rules see it: who is asking, and the hashes by which rules and keys are found.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/behavior/aliases.hpp"
#include "agent/behavior/keyed_hash.hpp"
#include "agent/behavior/rule.hpp"
#include "agent/behavior/window.hpp"

namespace tidegate::behavior {

// Addresses in whole prefixes, for fast questions. Immutable; thread-safe.
class PrefixSet {
 public:
  explicit PrefixSet(const std::vector<Prefix>& prefixes);
  bool contains(const Address& address) const;
  bool empty() const { return v4_.empty() && v6_.empty(); }

 private:
  struct Range {
    Address first;
    Address last;
  };
  std::vector<Range> v4_;  // sorted, disjoint
  std::vector<Range> v6_;
};

// Computed when first asked for; refers to the summary.
class Facts {
 public:
  // All that it is made from outlives it.
  Facts(const inspect::Summary& summary, const Settings& settings, const PrefixSet& proxies, const HashSeed& seed,
        const Aliases& aliases);

  const inspect::Summary& summary() const { return summary_; }
  // When the request was over, as far as it was seen.
  Micros time() const { return time_; }
  // Who is asking, as a source: the client that a trusted proxy names, else the peer. None: behind a trusted proxy that
  // names nobody.
  const std::optional<Prefix>& source() const { return source_; }
  // The client that a trusted proxy names.
  const std::optional<Address>& named() const { return named_; }
  // Whether the connection is one of a trusted proxy, which carries other people's requests.
  bool proxied() const { return proxied_; }

  // What key(kBySource) is for requests of this source.
  static std::uint64_t key_of(const Prefix& source, const HashSeed& seed);
  // Hash of the parts of a key; none: the request lacks one of them.
  std::optional<std::uint64_t> key(KeyParts parts);
  // What key() was before the key of identities was replaced; none: it has no identity, or that is too long ago.
  std::optional<std::uint64_t> key_before(KeyParts parts);
  // Hash of the value that `distinct` counts; none: the request has none.
  std::optional<std::uint64_t> value(DistinctField field);
  // Likewise.
  std::optional<std::uint64_t> value_before(DistinctField field);
  // Tells that what was found under the names of before, of these parts of a key, has the present ones now.
  void note_renamed(KeyParts parts, Aliases& aliases);

 private:
  std::optional<std::uint64_t> part(unsigned index);
  std::optional<std::uint64_t> part_before(unsigned index);
  std::optional<std::uint64_t> hash_of_part(unsigned index) const;
  std::optional<std::uint64_t> hash_of(const std::optional<inspect::IdentityHash>& identity) const;
  std::optional<std::uint64_t> hash_of_text(const std::string& text) const;

  const inspect::Summary& summary_;
  const HashSeed& seed_;
  const Aliases& aliases_;
  Micros time_;
  bool proxied_;
  std::optional<Prefix> source_;
  std::optional<Address> named_;
  std::array<std::optional<std::uint64_t>, 4> parts_{};
  std::array<std::optional<std::uint64_t>, 4> before_{};  // of identities
  std::uint8_t asked_ = 0;                                // the parts that were asked for
  std::uint8_t asked_before_ = 0;
};

}  // namespace tidegate::behavior
