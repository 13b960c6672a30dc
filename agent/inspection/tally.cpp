// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/tally.hpp"

#include <algorithm>

namespace tidegate::inspection {
namespace {

using inspect::Counters;
using Figures = inspect::wire::KeyStatistics::Source;

constexpr double kMillion = 1e6;
constexpr std::size_t kMostSources = 2 * inspect::wire::kMostKeySources;

Figures sum(const Figures& a, const Figures& b) {
  return {.id = b.id,
          .accepted = a.accepted + b.accepted,
          .malformed = a.malformed + b.malformed,
          .dropped = a.dropped + b.dropped,
          .refused = a.refused + b.refused,
          .senders = b.senders};
}

// The inspector began to count this source anew.
bool fell(const Figures& before, const Figures& now) {
  return now.accepted < before.accepted || now.malformed < before.malformed || now.dropped < before.dropped ||
         now.refused < before.refused;
}

}  // namespace

void Tally::take(const inspect::wire::Statistics& statistics) {
  if (statistics.worker < inspect::wire::kMostWorkers) workers_[statistics.worker] = statistics;
}

void Tally::take(const inspect::wire::KeyStatistics& statistics, MonotonicTime now) {
  keys_ = statistics;
  for (const auto& figures : statistics.sources) {
    if (!sources_.contains(figures.id) && sources_.size() >= kMostSources) continue;
    auto& state = sources_[figures.id];
    if (fell(state.present, figures)) {
      state.before = sum(state.before, state.present);
      state.present = {.id = figures.id};
    }
    if (figures.accepted > state.present.accepted) state.last_seen = now;
    state.present = figures;
  }
}

void Tally::end_life() {
  before_ = total();
  workers_.clear();
  keys_ = {};
  for (auto& [id, state] : sources_) {
    state.before = sum(state.before, state.present);
    state.present = {.id = id};
  }
}

void Tally::sample() {
  samples_.push_back(total());
  if (samples_.size() > static_cast<std::size_t>(kRecent.count())) samples_.pop_front();
}

Counters Tally::total() const {
  Counters sum = before_;
  for (const auto& [worker, statistics] : workers_) sum.add(statistics.counters);
  sum.add(keys_.counters);
  return sum;
}

// An inspector that is not itself any more may count backwards.
Counters Tally::recent() const {
  Counters difference = total();
  if (samples_.empty()) return difference;
  for (std::size_t i = 0; i < inspect::kCounters; ++i) {
    auto& value = difference.values()[i];
    value -= std::min(value, samples_.front().values()[i]);
  }
  return difference;
}

std::uint64_t Tally::open_connections() const {
  std::uint64_t sum = 0;
  for (const auto& [worker, statistics] : workers_) sum += statistics.connections;
  return sum;
}

std::uint64_t Tally::memory() const {
  std::uint64_t sum = 0;
  for (const auto& [worker, statistics] : workers_) sum += statistics.memory_bytes;
  return sum;
}

double Tally::ring_fill() const {
  std::uint32_t most = 0;
  for (const auto& [worker, statistics] : workers_) most = std::max(most, statistics.ring_fill_millionth);
  return std::min(most / kMillion, 1.0);
}

unsigned Tally::shedding() const {
  unsigned most = 0;
  for (const auto& [worker, statistics] : workers_) most = std::max<unsigned>(most, statistics.shedding);
  return std::min(most, 2U);
}

double Tally::shed_share() const {
  std::uint32_t most = 0;
  for (const auto& [worker, statistics] : workers_) {
    if (statistics.shedding > 0) most = std::max(most, statistics.shed_millionth);
  }
  return std::min(most / kMillion, 1.0);
}

Tally::Source Tally::source(std::uint32_t id) const {
  const auto found = sources_.find(id);
  if (found == sources_.end()) return {{.id = id}, std::nullopt};
  return {sum(found->second.before, found->second.present), found->second.last_seen};
}

}  // namespace tidegate::inspection
