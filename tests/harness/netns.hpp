// SPDX-License-Identifier: Apache-2.0
// Network namespaces and veth pairs that disappear with their owners.
#pragma once

#include <functional>
#include <string>

#include "agent/base/unique_fd.hpp"

namespace tidegate::harness {

// Skips the running test, with the reason, unless namespaces and BPF can be used: `if (!can_isolate()) GTEST_SKIP() <<
// why_not();`
bool can_isolate();
std::string why_not();

// A namespace "tg-ROLE-PID-N" with lo up. Names start with tg-, so that what a killed test left can be told and
// removed.
class NetNs {
 public:
  explicit NetNs(const std::string& role);
  ~NetNs();
  NetNs(const NetNs&) = delete;
  NetNs& operator=(const NetNs&) = delete;

  const std::string& name() const { return name_; }
  // Runs `work` in a thread of this namespace; sockets opened there stay in it. An exception is passed on.
  void in(const std::function<void()>& work) const;
  // A command line for /bin/sh in this namespace; throws when it fails.
  std::string sh(const std::string& command) const;
  // Index and Ethernet address of an interface here.
  unsigned ifindex(const std::string& interface) const;
  std::string mac(const std::string& interface) const;

 private:
  std::string name_;
};

// The edge under test and the rest of the world, joined by one veth pair named eth0 on both sides. Every address of
// 198.51.100.0/24, 203.0.113.0/24 and 2001:db8:c::/48 is local to the world, so that clients may bind any of them.
class Topology {
 public:
  struct Options {
    unsigned mtu = 1500;
    unsigned queues = 2;
  };
  explicit Topology(const Options& options);
  Topology() : Topology(Options{}) {}

  NetNs& edge() { return edge_; }
  NetNs& world() { return world_; }
  // Removes and makes anew the pair, with the same names and addresses.
  void remove_link();
  void make_link();

  static constexpr const char* kEdge4 = "192.0.2.1";
  static constexpr const char* kWorld4 = "192.0.2.2";
  static constexpr const char* kEdge6 = "2001:db8::1";
  static constexpr const char* kWorld6 = "2001:db8::2";

 private:
  Options options_;
  NetNs edge_{"edge"};
  NetNs world_{"world"};
};

}  // namespace tidegate::harness
