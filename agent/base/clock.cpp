// SPDX-License-Identifier: Apache-2.0
#include "agent/base/clock.hpp"

#include <array>
#include <ctime>

namespace tidegate {
namespace {

class SystemClock final : public Clock {
 public:
  WallTime wall() const override { return std::chrono::system_clock::now(); }
  MonotonicTime monotonic() const override {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::string to_rfc3339(WallTime time, bool milliseconds) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t since_epoch = seconds.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&since_epoch, &parts);
  std::array<char, 48> text{};
  std::size_t used = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::string result(text.data(), used);
  if (milliseconds) {
    const auto part = std::chrono::duration_cast<std::chrono::milliseconds>(time - seconds).count();
    std::string digits = std::to_string(part);
    result += '.' + std::string(3 - digits.size(), '0') + digits;
  }
  return result + 'Z';
}

}  // namespace tidegate
