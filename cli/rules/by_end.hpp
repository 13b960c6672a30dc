// SPDX-License-Identifier: Apache-2.0
// A capture gives requests in the order in which they began; rules see them as they end, as on a live host.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "agent/inspect/model/summary.hpp"

namespace tidegate::cli {

// Used by one thread.
class ByEnd {
 public:
  // Requests that are held until none that ends before them can come. When more overlap, the earliest goes on.
  static constexpr std::size_t kMost = 16384;

  using Take = std::function<void(const inspect::Summary&)>;
  explicit ByEnd(Take take) : take_(std::move(take)) {}

  void add(const inspect::Summary& summary);
  void finish();

 private:
  static WallTime end_of(const inspect::Summary& summary) { return summary.began + summary.duration; }
  static bool later(const inspect::Summary& a, const inspect::Summary& b);
  void release_first();

  Take take_;
  std::vector<inspect::Summary> held_;  // a heap, the earliest end first
};

}  // namespace tidegate::cli
