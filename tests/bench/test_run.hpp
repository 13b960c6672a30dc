// SPDX-License-Identifier: Apache-2.0
// What one packet costs in a program, by BPF_PROG_TEST_RUN behind a wrapper that invents the sources.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/error.hpp"
#include "tests/bench/frame.hpp"

namespace tidegate::bench {

// A loaded XDP program; `owner` keeps it and its maps alive.
struct Subject {
  std::string name;
  int fd = -1;
  bool frags = false;  // loaded with multi-buffer support
  std::shared_ptr<void> owner;
};

// Which packets: sources first … first + sources - 1, evenly at random and never twice in the same order.
// With an IPv6 frame the number is that of a /64.
struct Traffic {
  FrameSpec frame = {};
  std::uint32_t first = 0xc6120000;  // 198.18.0.0
  std::uint32_t sources = 1;         // 0: all 2^32
};

// ns per packet: with the program, and with an empty one in its place.
struct Sample {
  double gross = 0;
  double base = 0;
  std::uint32_t repeat = 0;
  std::uint32_t verdict = 0;  // of the last packet
  double net() const { return gross - base; }
};

// Not thread-safe; the calling thread should be pinned.
class TestRun {
 public:
  static Result<std::unique_ptr<TestRun>> open();
  ~TestRun();

  // How many packets take about `milliseconds`; also warms caches and tables.
  Result<std::uint32_t> calibrate(const Subject& subject, const Traffic& traffic, double milliseconds);
  // One paired sample: base, then program.
  Result<Sample> sample(const Subject& subject, const Traffic& traffic, std::uint32_t repeat);

 private:
  struct Impl;
  explicit TestRun(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::bench
