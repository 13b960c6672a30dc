// SPDX-License-Identifier: Apache-2.0
// The real program in private maps, fed by BPF_PROG_TEST_RUN: configured by hand, without agent/ in between.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/address.hpp"
#include "bpf/abi/config.h"
#include "bpf/abi/event.h"
#include "bpf/abi/reasons.h"
#include "bpf/abi/state.h"
#include "tests/harness/packet.hpp"

struct tidegate_bpf;
struct bpf_link;
struct bpf_map;
struct bpf_program;

namespace tidegate::test {

// Throws when `text` is no prefix.
Prefix prefix_of(const std::string& text);

// `per_second` packets; a burst in packets.
tg_rate packet_rate(double per_second, double burst);
// Bytes likewise, in the datapath's fixed point.
tg_rate byte_rate(double per_second, double burst);

// A service as tests describe it; its points are TG_POINT ranges, both ends included.
struct TestService {
  unsigned slot = 0;
  tg_service limits{};  // tweak 0: one is made up
  std::vector<std::pair<std::uint32_t, std::uint32_t>> points{};
  unsigned destination_class = 0;
};

std::pair<std::uint32_t, std::uint32_t> tcp_port(unsigned port);
std::pair<std::uint32_t, std::uint32_t> udp_port(unsigned port);
std::pair<std::uint32_t, std::uint32_t> whole_protocol(unsigned protocol);

struct TestSource {
  std::string prefix;
  tg_source_entry entry{};
};

// One half of the configuration.
struct TestPolicy {
  tg_host host{};
  std::vector<TestService> services{};
  std::vector<TestSource>
      sources{};  // disjoint, but for entries bound to an interface: `next` is an index + 1 in this list
  std::vector<std::pair<std::string, unsigned>> destinations{};  // prefix -> class

  TestPolicy();  // enforcing, drops malformed packets, no services, generous replies
};

struct LoadOptions {
  bool replay = true;  // the clock is what run() is given, and verdicts are read from the packet
  bool frags = false;  // program tidegate_frags
  bool socket_lookup = true;
  std::uint32_t bucket_sets = 8192;
  std::uint32_t block_buckets = 1024;
  std::uint32_t flow_sets = 1024;
};

struct Verdict {
  bool dropped = false;
  unsigned service = 0;
  unsigned reason = 0;
  unsigned flags = 0;  // enum tg_event_flag
};
std::string to_string(const Verdict& verdict);
std::string reason_name(unsigned reason);

struct RunOptions {
  std::uint64_t now = 1'000'000'000'000;  // ns; replay only
  unsigned ifindex = 0;                   // of an interface of this namespace; 0: whatever test-run takes
};

// Thread-safe but for the configuring calls.
class Program {
 public:
  // Throws std::runtime_error with the cause; Program::available() says whether BPF can be used at all.
  explicit Program(const LoadOptions& options = {});
  ~Program();
  static bool available();

  void configure(const TestPolicy& policy, unsigned half = 0);
  void activate(unsigned half);
  tg_control& control() { return *control_; }
  const tg_identity& identity() const { return identity_; }

  void block(const std::string& prefix, std::uint64_t expires = TG_NEVER);
  void block_in_stash(const std::string& prefix, std::uint64_t expires = TG_NEVER);
  void limit(const std::string& prefix, const tg_limit& rates);
  // Of a TCP connection; `lines` of the filter are in use from now on.
  void block_flow(const std::string& client, std::uint16_t client_port, const std::string& server,
                  std::uint16_t server_port, std::uint64_t expires = TG_NEVER, std::uint32_t lines = 1);
  void prove(const std::string& address, unsigned generation = 0);

  Verdict run(const Bytes& frame, const RunOptions& options = {});
  Verdict run(const Frame& frame, const RunOptions& options = {}) { return run(frame.bytes(), options); }
  // `repeat` packets in one call with the real clock; for counters. Returns the average ns per packet.
  std::uint32_t run_many(const Bytes& frame, unsigned repeat, unsigned ifindex = 0);
  // Attaches the tracepoint for as long as this lives.
  void watch_handshakes();
  // Words of map `proven` that are not 0, in one generation.
  std::size_t proven_words(unsigned generation) const;
  // Runs the tc egress program.
  void send(const Frame& frame);

  tg_counter counter(unsigned service, unsigned reason) const;
  tg_counter interface_counter(unsigned ifindex) const;
  tg_counter total() const;  // over services and reasons
  std::uint64_t fault(tg_fault which) const;
  std::vector<tg_event> events();
  std::vector<std::uint64_t> bucket_keys() const;  // all that are not 0, of all sets
  std::uint32_t verified_instructions(const std::string& program) const;

  template <class T>
  T value(const char* map, std::uint32_t index) const {
    T out{};
    read(map, index, &out);
    return out;
  }
  template <class T>
  void set_value(const char* map, std::uint32_t index, const T& value) {
    write(map, index, &value);
  }
  int program_fd(const std::string& name) const;

 private:
  void read(const char* map, std::uint32_t index, void* out) const;
  void write(const char* map, std::uint32_t index, const void* value);
  template <class T>
  std::vector<T> per_cpu(const char* map, std::uint32_t index) const;
  void put_lengths(tg_lengths& lengths, const Prefix& prefix);
  void set_filter(const char* map, std::uint32_t lines, std::uint64_t hash);

  bool replay_;
  std::string ingress_;
  tidegate_bpf* skeleton_ = nullptr;
  bpf_link* handshakes_ = nullptr;
  tg_control* control_ = nullptr;
  tg_identity identity_{};
};

}  // namespace tidegate::test
