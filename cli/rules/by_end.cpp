// SPDX-License-Identifier: Apache-2.0
#include "cli/rules/by_end.hpp"

#include <algorithm>

namespace tidegate::cli {

bool ByEnd::later(const inspect::Summary& a, const inspect::Summary& b) {
  return end_of(a) != end_of(b) ? end_of(a) > end_of(b) : a.sequence > b.sequence;
}

void ByEnd::release_first() {
  std::pop_heap(held_.begin(), held_.end(), later);
  take_(held_.back());
  held_.pop_back();
}

void ByEnd::add(const inspect::Summary& summary) {
  // What is no request is told at its end, and comes in its turn among those that begin then.
  const WallTime now = summary.kind == inspect::SummaryKind::kRequest ? summary.began : end_of(summary);
  while (!held_.empty() && (end_of(held_.front()) <= now || held_.size() >= kMost)) release_first();
  held_.push_back(summary);
  std::push_heap(held_.begin(), held_.end(), later);
}

void ByEnd::finish() {
  while (!held_.empty()) release_first();
}

}  // namespace tidegate::cli
