// SPDX-License-Identifier: Apache-2.0
#include "cli/replay/tally.hpp"

#include <algorithm>
#include <cctype>

#include "bpf/abi/reasons.h"

namespace tidegate::cli {

void Counts::add(const Fate& fate) {
  ++seen;
  ++(fate.dropped ? dropped : passed);
  if (!fate.dropped && fate.dry_run) ++would_drop;
  if (fate.dropped || fate.dry_run) ++by_reason[fate.reason];
}

void Counts::add(const Counts& other) {
  seen += other.seen;
  passed += other.passed;
  dropped += other.dropped;
  would_drop += other.would_drop;
  for (const auto& [reason, count] : other.by_reason) by_reason[reason] += count;
}

void Tally::add(const std::optional<Prefix>& source, const Fate& fate) {
  total_.add(fate);
  if (!source) return not_ip_.add(fate);
  sources_[*source].add(fate);
  if (sources_.size() > 2 * most_) fold();
}

void Tally::fold() {
  std::vector<std::uint64_t> sizes;
  sizes.reserve(sources_.size());
  for (const auto& [source, counts] : sources_) sizes.push_back(counts.seen);
  const auto nth = sizes.begin() + static_cast<std::ptrdiff_t>(most_);
  std::nth_element(sizes.begin(), nth, sizes.end(), std::greater<>());
  const std::uint64_t smallest_kept = *nth + 1;  // those that equal the first one out go too: never more than `most_`
  for (auto source = sources_.begin(); source != sources_.end();) {
    if (source->second.seen >= smallest_kept) {
      ++source;
      continue;
    }
    others_.add(source->second);
    ++folded_;
    source = sources_.erase(source);
  }
}

std::vector<std::pair<Prefix, Counts>> Tally::sorted() const {
  std::vector<std::pair<Prefix, Counts>> list(sources_.begin(), sources_.end());
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
    const auto lost = [](const Counts& counts) { return counts.dropped + counts.would_drop; };
    if (lost(a.second) != lost(b.second)) return lost(a.second) > lost(b.second);
    if (a.second.seen != b.second.seen) return a.second.seen > b.second.seen;
    return a.first < b.first;
  });
  return list;
}

std::string reason_name(unsigned reason) {
  static const std::map<unsigned, std::string> names{
#define TG_REASON(name, number, class, text) {number, #name},
#include "bpf/abi/reasons.def"
#undef TG_REASON
  };
  const auto known = names.find(reason);
  if (known == names.end()) return "reason_" + std::to_string(reason);
  std::string name = known->second;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

}  // namespace tidegate::cli
