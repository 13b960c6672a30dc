// SPDX-License-Identifier: Apache-2.0
// A datapath on a bpf file system and a pair of interfaces of the test's own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "agent/kernel/datapath.hpp"
#include "agent/policy/compile.hpp"
#include "tests/harness/agent.hpp"
#include "tests/harness/netns.hpp"

namespace tidegate::kernel {

class KernelTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Opens in the network namespace of the edge; reports a test failure and returns null when that fails.
  std::unique_ptr<Datapath> open() { return open(options()); }
  std::unique_ptr<Datapath> open(const Options& options);
  Error open_error(const Options& options);
  Options options() const;
  std::filesystem::path pin(const std::string& name) const { return pin_dir() / name; }
  std::filesystem::path pin_dir() const { return directory_.path() / "bpf" / "tidegate"; }

  // Runs in the edge's network namespace, as an agent there would.
  void in_edge(const std::function<void()>& work) { net_->edge().in(work); }
  AttachState attach(Datapath& datapath, policy::AttachMode mode = policy::AttachMode::kNative);
  Error attach_error(Datapath& datapath, policy::AttachMode mode = policy::AttachMode::kNative);
  std::vector<AttachState> verify(Datapath& datapath);

  harness::TempDir directory_;
  std::unique_ptr<harness::BpfFs> bpffs_;
  std::unique_ptr<harness::Topology> net_;
};

// The program that a pinned link runs, called by hand.
class LinkedProgram {
 public:
  explicit LinkedProgram(const std::filesystem::path& link);
  std::uint32_t id() const { return id_; }
  unsigned ifindex() const { return ifindex_; }
  // The verdict on one frame: XDP_PASS, XDP_DROP.
  unsigned run(const std::vector<unsigned char>& frame) const;
  unsigned run(const std::vector<std::byte>& frame) const {
    const auto* bytes = reinterpret_cast<const unsigned char*>(frame.data());
    return run(std::vector<unsigned char>(bytes, bytes + frame.size()));
  }

 private:
  UniqueFd program_;
  std::uint32_t id_ = 0;
  unsigned ifindex_ = 0;
};

// An Ethernet frame with an IPv4 UDP datagram to 192.0.2.1.
std::vector<unsigned char> udp_frame(const std::string& source, std::uint16_t port);

// Enforces, and sends everything to one service without limits in `slot`.
std::unique_ptr<policy::Image> image_with_default(unsigned slot);
// A rate to which nothing conforms.
tg_rate nothing_conforms();

Prefix prefix(const std::string& text);

// An XDP program that passes everything, named "someone".
UniqueFd someone_elses_program();

}  // namespace tidegate::kernel
