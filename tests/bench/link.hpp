// SPDX-License-Identifier: Apache-2.0
// A pair of virtual interfaces: its near end is here, the far end in a network of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate::bench {

class Link {
 public:
  // Makes the pair `name`0 here and `name`1 over there, up. `name`: at most 6 letters and digits.
  // The far end receives in the softirq of whichever CPU sends.
  static Result<Link> open(const std::string& name);

  // From now on a thread of its own on `cpu` receives (threaded NAPI, Linux 5.12).
  Status use_thread(unsigned cpu);

  unsigned near_ifindex() const { return near_ifindex_; }
  unsigned far_ifindex() const { return far_ifindex_; }
  const std::string& far_name() const { return far_name_; }
  int network() const { return network_.get(); }

  // Runs `action` with the calling thread inside the far network.
  template <typename Action>
  auto inside(Action action) const {
    const Visit visit(network_.get());
    return action();
  }

  // ns of CPU time that the thread of use_thread() has used. Exact only while it sleeps.
  Result<std::uint64_t> receiver_ns() const;
  // Frames that the far end has taken off its ring.
  Result<std::uint64_t> received() const;
  // Waits, at most five seconds, until the far end has received so many frames and has nothing left to do.
  Status drain(std::uint64_t at_least) const;

 private:
  class Visit {
   public:
    explicit Visit(int network);
    ~Visit();

   private:
    UniqueFd home_;
  };

  UniqueFd network_;
  UniqueFd socket_;  // made in the far network: its ioctl calls speak of interfaces there
  std::string far_name_;
  unsigned near_ifindex_ = 0;
  unsigned far_ifindex_ = 0;
  pid_t receiver_ = -1;
};

}  // namespace tidegate::bench
