// SPDX-License-Identifier: Apache-2.0
// Tidegate's own datapath under the configuration that the targets name, through the real compiler and loader.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "agent/base/error.hpp"
#include "agent/kernel/datapath.hpp"
#include "agent/policy/model.hpp"
#include "tests/bench/test_run.hpp"

namespace tidegate::bench {

// Ports of the services that the cases aim at; the policy has 20 services.
inline constexpr std::uint16_t kChargedPort =
    443;  // limits so wide that every packet is charged to three buckets and passes
inline constexpr std::uint16_t kGuardedPort = 8443;  // the same with a budget for new sources
inline constexpr std::uint16_t kLimitedPort = 9443;  // the limits of the example policy: a flood is over them

// 100 safelist prefixes, `services` services, the three above first. `fresh` is the budget of new sources, packets
// per second.
policy::Policy bench_policy(unsigned services = 20, std::uint64_t fresh = 20'000);

// 198.18.0.0 + index: the addresses that are blocked, so that traffic from there is dropped at once.
inline constexpr std::uint32_t kFirstBlocked = 0xc6120000;
// 10.0.0.0 + index: neither blocked nor safelisted.
inline constexpr std::uint32_t kFirstFree = 0x0a000000;

// `count` blocks from kFirstBlocked on, which last an hour.
std::vector<kernel::BlockEntry> bench_blocks(std::uint32_t count);

class Ours {
 public:
  // Opens a datapath of its own (pins below the private bpffs), applies bench_policy and `blocks` dynamic blocks.
  // `name` tells several apart.
  static Result<std::shared_ptr<Ours>> open(const std::string& name, std::uint32_t blocks,
                                            const policy::Policy& policy);

  // Attaches natively to an interface of the calling thread's network.
  Status attach(const std::string& interface);
  // The program that is attached there, ready to be called.
  Result<Subject> subject(const std::string& interface) const;

  // How many lines of the filter of proven sources are in use (tg_control.proven_lines); returns how many were.
  Result<std::uint32_t> use_proven_lines(std::uint32_t lines) const;

  // Empties the ring of events, as the agent does all the time.
  Status drain();
  // What has happened to packets since the last call: "PASSED 98.2 %, NEW_SOURCES 1.8 %".
  std::string verdicts();

  kernel::Datapath& datapath() { return *datapath_; }

 private:
  std::filesystem::path pins_;
  std::unique_ptr<kernel::Datapath> datapath_;
  kernel::Counters seen_;
};

}  // namespace tidegate::bench
