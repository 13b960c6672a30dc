// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/address_ranges.hpp"

#include <algorithm>
#include <span>

namespace tidegate::policy {
namespace {

const Prefix kAllV4 = {Address{0, TG_V4_MAPPED}, 96};
constexpr Address kHighest{~0ULL, ~0ULL};

Address after(Address a) { return {a.hi + (a.lo == ~0ULL ? 1 : 0), a.lo + 1}; }

bool by_address(const NumberedPrefix& a, const NumberedPrefix& b) { return a.prefix < b.prefix; }

// Ranges of the prefixes of one family. Sorted prefixes nest, so a stack of open ones is enough.
class Sweep {
 public:
  explicit Sweep(Address start) { ranges_.push_back({start, 0}); }

  void open(const NumberedPrefix& prefix) {
    close_before(prefix.prefix.address);
    begin(prefix.prefix.address, prefix.value);
    open_.push_back(&prefix);
  }

  std::vector<AddressRange> finish() && {
    while (!open_.empty()) close();
    return std::move(ranges_);
  }

 private:
  void close_before(Address start) {
    while (!open_.empty() && open_.back()->prefix.last() < start) close();
  }

  void close() {
    const Address last = open_.back()->prefix.last();
    open_.pop_back();
    if (last != kHighest) begin(after(last), open_.empty() ? 0 : open_.back()->value);
  }

  void begin(Address start, std::uint16_t value) {
    if (ranges_.back().start == start) {
      ranges_.back().value = value;
    } else {
      ranges_.push_back({start, value});
    }
  }

  std::vector<AddressRange> ranges_;
  std::vector<const NumberedPrefix*> open_;
};

std::vector<AddressRange> sweep(std::span<const NumberedPrefix> sorted, Address start) {
  Sweep sweep(start);
  for (const NumberedPrefix& prefix : sorted) sweep.open(prefix);
  return std::move(sweep).finish();
}

// The IPv6 ranges with the window of v4-mapped addresses replaced by the IPv4 ranges.
std::vector<AddressRange> splice(const std::vector<AddressRange>& v6, const std::vector<AddressRange>& v4) {
  const Address window = kAllV4.address;
  const Address behind = after(kAllV4.last());
  std::vector<AddressRange> result;
  auto next = v6.begin();
  std::uint16_t value = 0;
  for (; next != v6.end() && next->start < window; ++next) result.push_back(*next), value = next->value;
  // What starts at the window's first address or within it: only the last of them can reach beyond.
  for (; next != v6.end() && next->start <= behind; ++next) value = next->value;
  for (const AddressRange& range : v4) {
    if (range.start < behind) result.push_back(range);
  }
  result.push_back({behind, value});
  result.insert(result.end(), next, v6.end());
  return result;
}

void merge_equal(std::vector<AddressRange>& ranges) {
  const auto same = [](const AddressRange& a, const AddressRange& b) { return a.value == b.value; };
  ranges.erase(std::unique(ranges.begin(), ranges.end(), same), ranges.end());
}

void set_bit(__u64* filter, std::uint32_t bit) { filter[bit / 64] |= 1ULL << (bit % 64); }

void set_all(__u64* filter) { std::fill_n(filter, TG_FILTER_BITS / 64, ~0ULL); }

void add_to_filter4(const Prefix& prefix, __u64* filter) {
  const std::uint32_t last = tg_filter4_bit(prefix.last().lo);
  for (std::uint32_t bit = tg_filter4_bit(prefix.address.lo); bit <= last; ++bit) set_bit(filter, bit);
}

void add_to_filter6(const Prefix& prefix, __u64* filter) {
  if (prefix.length < 16) return set_all(filter);
  const std::uint64_t last = prefix.last().hi >> 32;
  for (std::uint64_t top = prefix.address.hi >> 32; top <= last; ++top) set_bit(filter, tg_filter6_bit(top << 32));
}

}  // namespace

std::vector<std::optional<std::size_t>> parents_of(const std::vector<Prefix>& sorted) {
  std::vector<std::optional<std::size_t>> parents(sorted.size());
  std::vector<std::size_t> open[2];  // by family: an IPv6 prefix around the v4-mapped window covers no IPv4 one
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    auto& stack = open[sorted[i].is_v4() ? 1 : 0];
    while (!stack.empty() && !sorted[stack.back()].contains(sorted[i])) stack.pop_back();
    if (!stack.empty()) parents[i] = stack.back();
    stack.push_back(i);
  }
  return parents;
}

std::vector<AddressRange> flatten(std::vector<NumberedPrefix> prefixes) {
  std::sort(prefixes.begin(), prefixes.end(), by_address);
  const auto is_v6 = [](const NumberedPrefix& p) { return !p.prefix.is_v4(); };
  const auto v4 = std::stable_partition(prefixes.begin(), prefixes.end(), is_v6);
  const auto v6_ranges = sweep({prefixes.begin(), v4}, Address{});
  const auto v4_ranges = sweep({v4, prefixes.end()}, kAllV4.address);
  auto ranges = splice(v6_ranges, v4_ranges);
  merge_equal(ranges);
  return ranges;
}

void fill_table(const std::vector<AddressRange>& ranges, const std::vector<NumberedPrefix>& prefixes,
                tg_address_table& table) {
  table = {};
  table.count = static_cast<__u32>(ranges.size());
  for (std::size_t i = 0; i < TG_ADDRESS_RANGES; ++i) {
    // Unused slots sort behind every address, so that a search of fixed depth never ends in one that matters.
    const bool used = i < ranges.size();
    table.start[i] = used ? tg_address{ranges[i].start.hi, ranges[i].start.lo} : tg_address{~0ULL, ~0ULL};
    table.value[i] = used ? ranges[i].value : ranges.back().value;
  }
  for (const NumberedPrefix& prefix : prefixes) {
    if (prefix.prefix.is_v4()) {
      add_to_filter4(prefix.prefix, table.filter4);
    } else {
      add_to_filter6(prefix.prefix, table.filter6);
    }
  }
}

}  // namespace tidegate::policy
