// SPDX-License-Identifier: Apache-2.0
// Frames by hand: what a test sends and sees below the kernel's own protocols.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "agent/base/unique_fd.hpp"
#include "tests/harness/netns.hpp"

namespace tidegate::harness {

using Frame = std::vector<std::byte>;

// An AF_PACKET socket on one interface of a namespace. Sees what passed XDP and what leaves, not what XDP dropped.
class RawSocket {
 public:
  RawSocket(const NetNs& space, const std::string& interface);

  void send(std::span<const std::byte> frame) const;
  // The next arriving frame for which `wanted` holds; empty when none came in time. Frames sent here are not returned.
  Frame receive(const std::function<bool(std::span<const std::byte>)>& wanted, std::chrono::milliseconds timeout) const;
  // How many of the frames that arrive meet `wanted`, until `quiet` passed without any frame.
  std::size_t count(const std::function<bool(std::span<const std::byte>)>& wanted,
                    std::chrono::milliseconds quiet) const;

 private:
  UniqueFd fd_;
};

}  // namespace tidegate::harness
