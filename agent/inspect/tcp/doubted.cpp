// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/doubted.hpp"

#include <algorithm>

namespace tidegate::inspect {
namespace {

constexpr std::size_t kOverhead = 128;

}  // namespace

Doubted::~Doubted() {
  while (!kept_.empty()) forget_oldest();
}

void Doubted::forget_oldest() {
  memory_.give_back(kept_.front().bytes.size() + kOverhead);
  kept_.pop_front();
}

void Doubted::keep(const Segment& segment) {
  if (kept_.size() == kMost) forget_oldest();
  if (!memory_.take(segment.payload.size() + kOverhead)) return;
  kept_.push_back({.time = segment.time,
                   .sequence = segment.sequence,
                   .fin = segment.fin,
                   .bytes = {segment.payload.begin(), segment.payload.end()}});
}

std::optional<Doubted::Kept> Doubted::take(std::uint32_t acknowledged) {
  const auto found = std::ranges::find_if(
      kept_, [&](const Kept& kept) { return static_cast<std::int32_t>(acknowledged - kept.end()) >= 0; });
  if (found == kept_.end()) return std::nullopt;
  Kept kept = std::move(*found);
  memory_.give_back(kept.bytes.size() + kOverhead);
  kept_.erase(found);
  return kept;
}

}  // namespace tidegate::inspect
