// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/facts.hpp"

#include <algorithm>

namespace tidegate::behavior {
namespace {

constexpr unsigned kMappedBits = 96;

constexpr Micros kLatest = INT64_MAX / 4;

// Bounded, so that no difference of two times overflows, whatever the summary says.
Micros end_of(const inspect::Summary& summary) {
  const Micros began = std::clamp<Micros>(micros(summary.began.time_since_epoch()), 0, kLatest);
  return began + std::clamp<Micros>(micros(summary.duration), 0, micros(kLongestWindow));
}

std::uint64_t hash_of_source(const Prefix& source, const HashSeed& seed) {
  const std::array<std::uint64_t, 2> halves{source.address.hi, source.address.lo};
  return keyed_hash(seed, halves.data(), sizeof(halves));
}

}  // namespace

PrefixSet::PrefixSet(const std::vector<Prefix>& prefixes) {
  // ::/0 covers the numbers of IPv4 addresses too, but names none of them: families are apart.
  for (const Prefix& prefix : prefixes) {
    (prefix.is_v4() ? v4_ : v6_).push_back({prefix.address, prefix.last()});
  }
  for (std::vector<Range>* ranges : {&v4_, &v6_}) {
    std::sort(ranges->begin(), ranges->end(), [](const Range& a, const Range& b) { return a.first < b.first; });
    std::vector<Range> merged;
    for (const Range& range : *ranges) {
      if (!merged.empty() && range.first <= merged.back().last) {
        merged.back().last = std::max(merged.back().last, range.last);
      } else {
        merged.push_back(range);
      }
    }
    *ranges = std::move(merged);
  }
}

bool PrefixSet::contains(const Address& address) const {
  const std::vector<Range>& ranges = address.is_v4() ? v4_ : v6_;
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), address,
                                      [](const Address& a, const Range& range) { return a < range.first; });
  return after != ranges.begin() && address <= std::prev(after)->last;
}

Facts::Facts(const inspect::Summary& summary, const Settings& settings, const PrefixSet& proxies, const HashSeed& seed,
             const Aliases& aliases)
    : summary_(summary), seed_(seed), aliases_(aliases), time_(end_of(summary)) {
  const Address& peer = summary.connection.flow.client.address;
  named_ = summary.proxied ? summary.proxied : summary.connection.proxied;
  proxied_ = named_.has_value() || (!proxies.empty() && proxies.contains(peer));
  if (proxied_ && !named_) return;
  const Address& client = named_ ? *named_ : peer;
  source_ = Prefix::around(client, client.is_v4() ? kMappedBits + settings.ipv4_prefix : settings.ipv6_prefix);
}

std::optional<std::uint64_t> Facts::hash_of_text(const std::string& text) const {
  if (text.empty()) return std::nullopt;
  return keyed_hash(seed_, text);
}

std::optional<std::uint64_t> Facts::hash_of(const std::optional<inspect::IdentityHash>& identity) const {
  if (!identity) return std::nullopt;
  return keyed_hash(seed_, identity->data(), identity->size());
}

std::uint64_t Facts::key_of(const Prefix& source, const HashSeed& seed) {
  return mixed(kBySource, hash_of_source(source, seed));
}

std::optional<std::uint64_t> Facts::hash_of_part(unsigned index) const {
  const auto present = [&](const std::optional<inspect::IdentityHash>& identity) {
    const auto hash = hash_of(identity);
    return hash ? std::optional(aliases_.follow(*hash)) : hash;
  };
  switch (index) {
    case 0: {
      if (!source_) return std::nullopt;
      return hash_of_source(*source_, seed_);
    }
    case 1:
      return present(summary_.session);
    case 2:
      return present(summary_.account);
    default:
      return hash_of_text(summary_.connection.ja4);
  }
}

std::optional<std::uint64_t> Facts::part(unsigned index) {
  const auto bit = static_cast<std::uint8_t>(1U << index);
  if ((asked_ & bit) == 0) {
    parts_[index] = hash_of_part(index);
    asked_ |= bit;
  }
  return parts_[index];
}

std::optional<std::uint64_t> Facts::key(KeyParts parts) {
  std::uint64_t hash = parts;
  for (unsigned i = 0; i < parts_.size(); ++i) {
    if ((parts >> i & 1) == 0) continue;
    const auto one = part(i);
    if (!one) return std::nullopt;
    hash = mixed(hash, *one);
  }
  return hash;
}

std::optional<std::uint64_t> Facts::part_before(unsigned index) {
  if (index != 1 && index != 2) return std::nullopt;
  const auto bit = static_cast<std::uint8_t>(1U << index);
  if ((asked_before_ & bit) == 0) {
    before_[index] = hash_of(index == 1 ? summary_.session_before : summary_.account_before);
    asked_before_ |= bit;
  }
  return before_[index];
}

std::optional<std::uint64_t> Facts::key_before(KeyParts parts) {
  const bool known =
      ((parts & kBySession) != 0 && summary_.session_before) || ((parts & kByAccount) != 0 && summary_.account_before);
  if (!known) return std::nullopt;
  std::uint64_t hash = parts;
  for (unsigned i = 0; i < parts_.size(); ++i) {
    if ((parts >> i & 1) == 0) continue;
    const auto before = part_before(i);
    const auto one = before ? before : part(i);
    if (!one) return std::nullopt;
    hash = mixed(hash, *one);
  }
  return hash;
}

void Facts::note_renamed(KeyParts parts, Aliases& aliases) {
  for (unsigned i = 0; i < parts_.size(); ++i) {
    if ((parts >> i & 1) == 0) continue;
    const auto before = part_before(i);
    const auto now = part(i);
    if (before && now) aliases.note(*before, *now);
  }
}

std::optional<std::uint64_t> Facts::value_before(DistinctField field) {
  if (field == DistinctField::kSession) return part_before(1);
  return field == DistinctField::kAccount ? part_before(2) : std::nullopt;
}

std::optional<std::uint64_t> Facts::value(DistinctField field) {
  switch (field) {
    case DistinctField::kPath:
      return hash_of_text(summary_.path);
    case DistinctField::kTemplate:
      return hash_of_text(summary_.path_template);
    case DistinctField::kUserAgent:
      return hash_of_text(summary_.user_agent);
    case DistinctField::kMethod:
      return hash_of_text(summary_.method);
    case DistinctField::kStatus:
      if (!summary_.status) return std::nullopt;
      return keyed_hash(seed_, &*summary_.status, sizeof(*summary_.status));
    case DistinctField::kSource:
      return part(0);
    case DistinctField::kSession:
      return part(1);
    case DistinctField::kAccount:
      return part(2);
    case DistinctField::kJa4:
      return part(3);
  }
  return std::nullopt;
}

}  // namespace tidegate::behavior
