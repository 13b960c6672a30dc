// SPDX-License-Identifier: Apache-2.0
// A compromised inspector, holding the capture's own socket, cannot put a frame on the wire.
#include <arpa/inet.h>
#include <linux/if_ether.h>

#include "tests/harness/netns.hpp"
#include "tests/harness/raw_socket.hpp"
#include "tests/unit/inspect/sandbox/escapes.hpp"

namespace tidegate::harness {
namespace {

namespace sandbox = inspect::sandbox;
using std::chrono::milliseconds;

constexpr std::uint16_t kExperimental = 0x88b5;  // IEEE 802, local experiments

// A whole frame, so that a packet socket would take it as it is.
std::array<std::byte, 64> experimental_frame() {
  std::array<std::byte, 64> frame{};
  frame.fill(std::byte{0xff});
  frame[12] = std::byte{kExperimental >> 8};
  frame[13] = std::byte{kExperimental & 0xff};
  return frame;
}

bool is_experimental(std::span<const std::byte> frame) {
  return frame.size() > 13 && frame[12] == std::byte{kExperimental >> 8} &&
         frame[13] == std::byte{kExperimental & 0xff};
}

class PacketSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_isolate()) GTEST_SKIP() << why_not();
    topology_.emplace();
    listener_.emplace(topology_->world(), "eth0");
    topology_->edge().in([this] {
      packets_ = UniqueFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
      sockaddr_ll address{};
      address.sll_family = AF_PACKET;
      address.sll_protocol = htons(ETH_P_ALL);
      address.sll_ifindex = static_cast<int>(topology_->edge().ifindex("eth0"));
      ASSERT_EQ(bind(packets_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    });
  }

  const std::array<std::byte, 64> frame_ = experimental_frame();
  std::optional<Topology> topology_;
  std::optional<RawSocket> listener_;
  UniqueFd packets_;
};

// Otherwise the test below would show nothing.
TEST_F(PacketSocketTest, OutsideTheSandboxAFrameLeaves) {
  ASSERT_EQ(send(packets_.get(), frame_.data(), frame_.size(), 0), static_cast<ssize_t>(frame_.size()));
  EXPECT_EQ(listener_->count(is_experimental, milliseconds(200)), 1U);
}

TEST_F(PacketSocketTest, InTheSandboxNoneDoes) {
  for (const sandbox::Escape& escape : sandbox::escapes_with(packets_.get(), frame_)) {
    const sandbox::Fate fate = sandbox::try_in_sandbox([&escape](int) { return escape.attempt(); }, {packets_.get()});
    EXPECT_TRUE(sandbox::is_refused(fate)) << escape.name << ": " << sandbox::text_of(fate);
  }
  EXPECT_EQ(listener_->count(is_experimental, milliseconds(200)), 0U);
}

// Handing the socket to somebody else over the channel is all that is left, and only the agent is at its other end.
TEST_F(PacketSocketTest, WhatTheInspectorMayDoWithItWorks) {
  const auto ask = [this](int) {
    tpacket_stats statistics{};
    socklen_t size = sizeof statistics;
    return static_cast<long>(getsockopt(packets_.get(), SOL_PACKET, PACKET_STATISTICS, &statistics, &size));
  };
  EXPECT_EQ(sandbox::text_of(sandbox::try_in_sandbox(ask, {packets_.get()})), "succeeded");
}

}  // namespace
}  // namespace tidegate::harness
