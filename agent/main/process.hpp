// SPDX-License-Identifier: Apache-2.0
// This process: its memory and its signals.
#pragma once

#include <chrono>
#include <cstdint>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate {

// Few malloc arenas and early return of memory: an agent is small. Before any thread starts.
void keep_memory_small();

// No core file: the key of session and account hashes and key lines on their way are in memory.
void leave_no_core();
void give_memory_back();

// Resident bytes without the mapped tables of the datapath, which are accounted as tables. 0: cannot be read.
std::uint64_t resident_bytes();

// SIGTERM, SIGINT and SIGHUP as a descriptor. Before any thread starts, so that all of them have the signals blocked.
class Signals {
 public:
  static Result<Signals> open();
  // The signal that arrives within `wait`, or 0.
  int next(std::chrono::nanoseconds wait) const;

 private:
  explicit Signals(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace tidegate
