// SPDX-License-Identifier: Apache-2.0
// Who is blocked, by session, account and what else the key of a rule names; found by the summaries of requests.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>

#include "agent/behavior/facts.hpp"
#include "agent/behavior/finding.hpp"
#include "agent/behavior/keyed_hash.hpp"

namespace tidegate::control {

// By number of the decision. A request costs one lookup for each combination of key parts that is in use. Not
// thread-safe.
class IdentityIndex {
 public:
  explicit IdentityIndex(const behavior::HashSeed& seed) : seed_(seed) {}

  // A key without any part is found by nobody.
  void add(const behavior::FindingKey& key, std::int64_t number);
  void remove(const behavior::FindingKey& key, std::int64_t number);
  // Those whose hash is that of a request, under the present key of hashes or the one before; `key` is what the request
  // says, and whether it is really theirs is for `found` to see.
  using Found = std::function<void(std::int64_t number, const behavior::FindingKey& key)>;
  void find(const behavior::Facts& request, const Found& found) const;
  // Likewise those of a key.
  void find(const behavior::FindingKey& key, const Found& found) const;

  static behavior::KeyParts parts_of(const behavior::FindingKey& key);

 private:
  std::uint64_t hash_of(const behavior::FindingKey& key) const;

  const behavior::HashSeed seed_;
  std::unordered_multimap<std::uint64_t, std::int64_t> numbers_;
  std::array<std::uint32_t, 16> in_use_{};  // keys, by their parts
};

}  // namespace tidegate::control
