// SPDX-License-Identifier: Apache-2.0
#include "agent/control/identity_index.hpp"

#include <cstring>
#include <span>

namespace tidegate::control {

using behavior::FindingKey;
using behavior::KeyParts;

namespace {

using Identity = std::optional<inspect::IdentityHash>;

// What a request says of the parts of a key; it may lack some.
FindingKey key_of(const behavior::Facts& request, KeyParts parts, const Identity& session, const Identity& account) {
  FindingKey key;
  if ((parts & behavior::kBySource) != 0) key.source = request.source();
  if ((parts & behavior::kBySession) != 0) key.session = session;
  if ((parts & behavior::kByAccount) != 0) key.account = account;
  if ((parts & behavior::kByJa4) != 0) key.ja4 = request.summary().connection.ja4;
  return key;
}

}  // namespace

KeyParts IdentityIndex::parts_of(const FindingKey& key) {
  return static_cast<KeyParts>((key.source ? behavior::kBySource : 0) | (key.session ? behavior::kBySession : 0) |
                               (key.account ? behavior::kByAccount : 0) | (key.ja4.empty() ? 0 : behavior::kByJa4));
}

std::uint64_t IdentityIndex::hash_of(const FindingKey& key) const {
  SipHash hash(seed_.first, seed_.second);
  hash.add(parts_of(key));
  if (key.source) hash.add(key.source->address.hi).add(key.source->address.lo).add(key.source->length);
  for (const auto& identity : {key.session, key.account}) {
    if (!identity) continue;
    std::array<std::uint64_t, 2> words{};
    static_assert(sizeof words == sizeof *identity);
    std::memcpy(words.data(), identity->data(), sizeof words);
    hash.add(words[0]).add(words[1]);
  }
  return hash.value(std::as_bytes(std::span(key.ja4)));
}

void IdentityIndex::add(const FindingKey& key, std::int64_t number) {
  const KeyParts parts = parts_of(key);
  if (parts == 0) return;
  ++in_use_[parts];
  numbers_.emplace(hash_of(key), number);
}

void IdentityIndex::remove(const FindingKey& key, std::int64_t number) {
  const KeyParts parts = parts_of(key);
  if (parts == 0) return;
  const auto [first, last] = numbers_.equal_range(hash_of(key));
  for (auto at = first; at != last; ++at) {
    if (at->second != number) continue;
    --in_use_[parts];
    numbers_.erase(at);
    return;
  }
}

void IdentityIndex::find(const FindingKey& key, const Found& found) const {
  const auto [first, last] = numbers_.equal_range(hash_of(key));
  for (auto at = first; at != last; ++at) found(at->second, key);
}

void IdentityIndex::find(const behavior::Facts& request, const Found& found) const {
  const inspect::Summary& summary = request.summary();
  const bool rotated = summary.session_before || summary.account_before;
  for (KeyParts parts = 1; parts < in_use_.size(); ++parts) {
    if (in_use_[parts] == 0) continue;
    const FindingKey key = key_of(request, parts, summary.session, summary.account);
    if (parts_of(key) == parts) find(key, found);
    if (!rotated) continue;
    const FindingKey before = key_of(request, parts, summary.session_before, summary.account_before);
    if (parts_of(before) == parts && before != key) find(before, found);
  }
}

}  // namespace tidegate::control
