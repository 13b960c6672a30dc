// SPDX-License-Identifier: Apache-2.0
// Millions of frames per second with invented sources, out of BPF_PROG_TEST_RUN with live frames (Linux 5.18).
#pragma once

#include <cstdint>
#include <memory>

#include "agent/base/error.hpp"
#include "tests/bench/test_run.hpp"

namespace tidegate::bench {

class Flood {
 public:
  static Result<std::unique_ptr<Flood>> open();
  ~Flood();

  // Sends `frames` frames out of interface `ifindex`, from the CPU that the caller runs on; returns when they are
  // handed over. The receiver may have lost some. Only IPv4. Returns ns per frame, without the set-up of the call
  // (which takes tens of ms).
  Result<double> send(unsigned ifindex, const Traffic& traffic, std::uint32_t frames);

 private:
  struct Impl;
  explicit Flood(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::bench
