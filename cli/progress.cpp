// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.hpp"

#include <algorithm>

#include "cli/format/quantity.hpp"

namespace tidegate::cli {

std::string progress_bar(std::uint64_t done, std::uint64_t total, std::size_t width) {
  const double share = total == 0 ? 0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto full = static_cast<std::size_t>(share * static_cast<double>(width));
  std::string bar = "[";
  for (std::size_t i = 0; i < width; ++i) bar += i < full ? "█" : "░";
  return bar + "]";
}

Progress::Progress(Environment& environment, std::string what, std::uint64_t total)
    : environment_(environment), what_(std::move(what)), total_(total) {}

void Progress::at(std::uint64_t done) {
  if (!environment_.err_terminal) return;
  const auto now = environment_.clock.monotonic();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  environment_.err << "\r\x1b[K" << what_ << ' ';
  if (total_ > 0) {
    environment_.err << progress_bar(done, total_, 30) << ' ' << percent(std::min(done, total_), total_) << ' ';
  }
  environment_.err << short_bytes(done) << std::flush;
  shown_ = true;
}

void Progress::clear() {
  if (shown_) environment_.err << "\r\x1b[K" << std::flush;
  shown_ = false;
}

}  // namespace tidegate::cli
