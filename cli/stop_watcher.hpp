// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace tidegate::cli {

// Calls `stop` once, from a thread of its own, when `flag` becomes true: a blocking gRPC call has to be cancelled from
// outside, and a signal handler must not do it.
class StopWatcher {
 public:
  StopWatcher(const std::atomic<bool>& flag, std::function<void()> stop)
      : thread_([&flag, call = std::move(stop)](const std::stop_token& ended) { watch(flag, call, ended); }) {}

 private:
  static void watch(const std::atomic<bool>& flag, const std::function<void()>& stop, const std::stop_token& ended) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!ended.stop_requested()) {
      if (flag) return stop();
      wake.wait_for(lock, ended, std::chrono::milliseconds(50), [] { return false; });
    }
  }

  std::jthread thread_;
};

}  // namespace tidegate::cli
