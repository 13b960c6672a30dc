// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <chrono>
#include <string>

#include "agent/inspect/capture/ring_setup.hpp"
#include "tests/harness/netns.hpp"

namespace tidegate::harness {

// A socket with a ring on one interface of a namespace.
inline UniqueFd capture_on(const NetNs& space, const std::string& interface, const inspect::RingGeometry& geometry) {
  UniqueFd fd;
  space.in([&] {
    fd = UniqueFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    ASSERT_TRUE(inspect::set_up_ring(fd.get(), geometry, std::chrono::milliseconds(2)));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(space.ifindex(interface));
    ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  });
  return fd;
}

}  // namespace tidegate::harness
