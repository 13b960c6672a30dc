// SPDX-License-Identifier: Apache-2.0
// What tests of stages share: a program with one service on tcp/443 and one on udp/53.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include "tests/harness/bpf_fixture.hpp"

namespace tidegate::test {

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kStart = 1000 * kSecond;
inline constexpr unsigned kWeb = 1, kDns = 2;

inline Frame web_packet(const std::string& source = "192.0.2.1") {
  return Ethernet() / Ipv4{.source = source} / Tcp{.ack = true};
}
inline Frame web_syn(const std::string& source = "192.0.2.1") {
  return Ethernet() / Ipv4{.source = source} / Tcp{.syn = true};
}

// Service web: 10 packets at once, 10/s. Service dns likewise.
inline TestPolicy two_services() {
  TestPolicy p;
  p.services = {{.slot = kWeb, .limits = {.packets = packet_rate(10, 10)}, .points = {tcp_port(443)}},
                {.slot = kDns, .limits = {.packets = packet_rate(10, 10)}, .points = {udp_port(53)}}};
  return p;
}

// How many of `count` copies pass.
inline unsigned passes(Program& program, const Frame& frame, unsigned count, std::uint64_t now = kStart) {
  const Bytes bytes = frame.bytes();
  unsigned passed = 0;
  for (unsigned i = 0; i < count; ++i) passed += program.run(bytes, {.now = now}).dropped ? 0U : 1U;
  return passed;
}

// This thread stays on CPU 0 for a while: for what is kept per CPU.
class OnCpu0 {
 public:
  OnCpu0() {
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof(one), &one);
  }
  ~OnCpu0() { sched_setaffinity(0, sizeof(before_), &before_); }
  OnCpu0(const OnCpu0&) = delete;
  OnCpu0& operator=(const OnCpu0&) = delete;

 private:
  cpu_set_t before_{};
};

#define EXPECT_VERDICT(verdict, drops, why)                                                \
  do {                                                                                     \
    const ::tidegate::test::Verdict got = (verdict);                                       \
    EXPECT_EQ(got.dropped, drops) << ::tidegate::test::to_string(got);                     \
    EXPECT_EQ(got.reason, static_cast<unsigned>(why)) << ::tidegate::test::to_string(got); \
  } while (false)

}  // namespace tidegate::test
