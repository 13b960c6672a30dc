// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/endpoint_figures.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tidegate::inspection {
namespace {

constexpr std::size_t kLongestTemplate = 256;  // longer ones are cut, and count as one
constexpr unsigned kCandidates = 8;            // looked at to find the least used
constexpr std::size_t kMostOthers = 256;       // services; the policy has fewer
constexpr const char* kOther = "(other)";

std::size_t class_of(const std::optional<std::uint16_t>& status) {
  return status && *status >= 100 && *status < 600 ? *status / 100U : 0U;
}

std::string key_of(const inspect::Summary& summary) {
  std::string key = summary.service;
  key += '\0';
  key += summary.method;
  key += '\0';
  return key.append(summary.path_template, 0, kLongestTemplate);
}

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

std::size_t DurationHistogram::bucket_of(std::uint64_t microseconds) {
  if (microseconds < kSteps) return microseconds;
  const unsigned power = static_cast<unsigned>(std::bit_width(microseconds)) - 1;
  const std::uint64_t step = (microseconds >> (power - 2)) - kSteps;
  return std::min<std::size_t>((power - 1) * kSteps + step, kBuckets - 1);
}

// The highest value of a bucket.
std::uint64_t DurationHistogram::top_of(std::size_t bucket) {
  if (bucket < kSteps) return bucket;
  const std::size_t power = bucket / kSteps + 1;
  return ((kSteps + bucket % kSteps + 1) << (power - 2)) - 1;
}

void DurationHistogram::add(std::chrono::nanoseconds duration) {
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  ++counts_[bucket_of(static_cast<std::uint64_t>(std::max<std::int64_t>(microseconds, 0)))];
  ++total_;
}

void DurationHistogram::add(const DurationHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
}

void DurationHistogram::clear() { *this = {}; }

std::chrono::nanoseconds DurationHistogram::quantile(double share) const {
  if (total_ == 0) return std::chrono::nanoseconds(0);
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_)));
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    below += counts_[i];
    if (below >= wanted) return std::chrono::microseconds(top_of(i));
  }
  return std::chrono::microseconds(top_of(kBuckets - 1));
}

struct EndpointFigures::Entry {
  std::string key;
  EndpointRow totals;
  std::uint64_t window = 0;                  // the present one
  std::uint64_t first_window = 0;            // that it was seen in
  std::array<std::uint64_t, 2> in_window{};  // present, the one before
  std::array<DurationHistogram, 2> durations;
  std::size_t place = 0;  // in order_

  std::uint64_t recent() const { return in_window[0] + in_window[1]; }
  void count(const inspect::Summary& summary) {
    ++totals.requests;
    ++totals.by_class[class_of(summary.status)];
    totals.request_bytes += summary.request_bytes;
    totals.response_bytes += summary.response_bytes;
    ++in_window[0];
    durations[0].add(summary.duration);
  }
  void absorb(const Entry& other) {
    totals.requests += other.totals.requests;
    for (std::size_t i = 0; i < kStatusClasses; ++i) totals.by_class[i] += other.totals.by_class[i];
    totals.request_bytes += other.totals.request_bytes;
    totals.response_bytes += other.totals.response_bytes;
    for (std::size_t i = 0; i < in_window.size(); ++i) {
      in_window[i] += other.in_window[i];
      durations[i].add(other.durations[i]);
    }
  }
};

EndpointFigures::EndpointFigures(const Clock& clock, const Limits& limits)
    : clock_(clock), limits_(limits), started_(clock.monotonic()) {}
EndpointFigures::~EndpointFigures() = default;

std::uint64_t EndpointFigures::window_now() const {
  return static_cast<std::uint64_t>((clock_.monotonic() - started_) / limits_.window) + 2;
}

void EndpointFigures::roll(Entry& entry, std::uint64_t window) const {
  if (entry.window == window) return;
  const bool next = entry.window + 1 == window;
  entry.in_window = {0, next ? entry.in_window[0] : 0};
  entry.durations[1] = next ? entry.durations[0] : DurationHistogram{};
  entry.durations[0].clear();
  entry.window = window;
}

void EndpointFigures::add(const inspect::Summary& summary) {
  if (summary.kind != inspect::SummaryKind::kRequest) return;  // the request itself is told of once
  Entry& entry = entry_for(summary);
  roll(entry, window_now());
  entry.count(summary);
}

EndpointFigures::Entry& EndpointFigures::entry_for(const inspect::Summary& summary) {
  std::string key = key_of(summary);
  if (const auto found = entries_.find(key); found != entries_.end()) return *found->second;
  if (entries_.size() >= limits_.endpoints) make_room();
  auto entry = std::make_unique<Entry>();
  entry->key = key;
  entry->totals.service = summary.service;
  entry->totals.method = summary.method;
  entry->totals.path_template = summary.path_template.substr(0, kLongestTemplate);
  entry->window = entry->first_window = window_now();
  entry->place = order_.size();
  order_.push_back(entry.get());
  return *entries_.emplace(std::move(key), std::move(entry)).first->second;
}

// The least used of a few taken at random: what is used a lot practically never goes, at the cost of a few looks.
void EndpointFigures::make_room() {
  const std::uint64_t window = window_now();
  Entry* least = nullptr;
  for (unsigned i = 0; i < kCandidates; ++i) {
    Entry* candidate = order_[random_() % order_.size()];
    roll(*candidate, window);
    const auto rank = [](const Entry& entry) { return std::pair(entry.recent(), entry.totals.requests); };
    if (least == nullptr || rank(*candidate) < rank(*least)) least = candidate;
  }
  auto& other = other_[other_.size() < kMostOthers ? least->totals.service : std::string()];
  if (!other) {
    other = std::make_unique<Entry>();
    other->totals.service = least->totals.service;
    other->totals.path_template = kOther;
    other->window = other->first_window = window;
  }
  roll(*other, window);
  other->absorb(*least);
  order_[least->place] = order_.back();
  order_[least->place]->place = least->place;
  order_.pop_back();
  entries_.erase(std::string(least->key));
}

EndpointRow EndpointFigures::row_of(Entry& entry) const {
  const std::uint64_t window = window_now();
  roll(entry, window);
  EndpointRow row = entry.totals;
  const double in_this = seconds((clock_.monotonic() - started_) % limits_.window);
  const double before = entry.first_window == window ? 0 : seconds(limits_.window);
  row.requests_per_second = static_cast<double>(entry.recent()) / std::max(in_this + before, 1.0);
  DurationHistogram both = entry.durations[0];
  both.add(entry.durations[1]);
  row.median = both.quantile(0.5);
  row.p99 = both.quantile(0.99);
  return row;
}

std::vector<EndpointRow> EndpointFigures::top(std::size_t most) {
  std::vector<EndpointRow> rows;
  rows.reserve(entries_.size() + other_.size());
  for (const auto& [key, entry] : entries_) rows.push_back(row_of(*entry));
  for (const auto& [service, entry] : other_) rows.push_back(row_of(*entry));
  const std::size_t shown = std::min(most, rows.size());
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(shown), rows.end(),
                    [](const EndpointRow& a, const EndpointRow& b) {
                      return std::tie(b.requests_per_second, b.requests, a.service, a.method, a.path_template) <
                             std::tie(a.requests_per_second, a.requests, b.service, b.method, b.path_template);
                    });
  rows.resize(shown);
  return rows;
}

}  // namespace tidegate::inspection
