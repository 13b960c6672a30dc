// SPDX-License-Identifier: Apache-2.0
// The datapath as the rest of the agent sees it: loaded, pinned, attached, fed and read. No libbpf type crosses this
// header.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/base/clock.hpp"
#include "agent/base/error.hpp"
#include "bpf/abi/event.h"
#include "bpf/abi/state.h"

namespace tidegate::policy {
struct Image;
struct Interface;
}  // namespace tidegate::policy

namespace tidegate::kernel {

struct Options {
  std::filesystem::path pin_dir = "/sys/fs/bpf/tidegate";
  std::uint64_t buckets = 65536;  // ways; rounded up to a power of two of sets
  std::uint64_t blocks = 1'048'576;
  std::uint64_t flows = 65536;
  // Per CPU and class (passed, dropped): one sampled event in this time; 0 for none.
  std::chrono::nanoseconds sample_interval = std::chrono::milliseconds(1);
  // Per CPU: one socket lookup of the replies test in this time on average; 150 ns each.
  std::chrono::nanoseconds lookup_interval = std::chrono::microseconds(2);
  std::vector<std::string> disabled_features;  // forced off, for tests
};

struct Feature {
  std::string name;  // "xdp_frags", "tc_egress", "handshake_tracepoint", "socket_lookup", …
  bool available = false;
  std::string consequence;  // of its absence, in one sentence
};

struct TableFill {
  std::string name;  // "buckets", "blocks", "limits", "flow_blocks", "flows", …
  std::uint64_t entries = 0;
  std::uint64_t capacity = 0;
  std::uint64_t memory_bytes = 0;
};

struct AttachState {
  std::string interface;
  unsigned ifindex = 0;
  std::string mode;  // "native", "generic", "-"
  bool attached = false;
  std::string problem;  // cause and remedy when it should be attached and is not
};

// What a block or limit puts into the datapath. `expires` is CLOCK_MONOTONIC; none: until removed.
struct BlockEntry {
  Prefix target;
  std::optional<MonotonicTime> expires;
};
struct LimitEntry {
  Prefix target;
  std::optional<MonotonicTime> expires;
  std::uint64_t packets_cost = 0, packets_burst = 0;  // as tg_rate; cost 0: not limited
  std::uint64_t bytes_cost = 0, bytes_burst = 0;
};

// A TCP connection, as its client opened it.
struct Connection {
  Address client;
  Address server;
  std::uint16_t client_port = 0;
  std::uint16_t server_port = 0;
  friend auto operator<=>(const Connection&, const Connection&) = default;
};
// A connection whose packets to the host are dropped. What is not its connection or its expiry is kept for a later
// agent.
struct FlowBlock {
  Connection connection;
  MonotonicTime expires{0};
  std::uint64_t decision = 0;
  std::string rule;  // at most 63 bytes
};

// A part of what the tables should hold.
struct Entries {
  std::span<const BlockEntry> blocks;
  std::span<const LimitEntry> limits;
};
// Hands over everything that the tables should hold, in parts that stay valid until `take` returns, so that nobody
// holds it all. Each call begins anew. An error of `take` ends it and is returned.
using EntryStream = std::function<Status(const std::function<Status(const Entries&)>& take)>;

struct BucketState {  // of one source in one service, from maps `keys` and `tats`
  unsigned service = 0;
  tg_tats tats{};
};

struct Counters {
  std::vector<tg_counter> by_service_reason;  // service * TG_REASON_SLOTS + reason, summed over CPUs
  std::map<unsigned, tg_counter> by_ifindex;  // attached interfaces
  std::vector<std::uint64_t> faults;          // by enum tg_fault
};

// All calls are thread-safe. Everything written survives this object: maps and links are pinned.
class Datapath {
 public:
  // Adopts what is pinned (same ABI) or makes it new; loads the program and updates the links that exist.
  // Errors name cause and remedy: missing capability, bpffs, kernel feature, pins of another agent, ABI mismatch.
  static Result<std::unique_ptr<Datapath>> open(const Options& options, const Clock& clock);
  virtual ~Datapath() = default;

  virtual bool adopted() const = 0;  // pinned state of an earlier agent was taken over
  // Why pinned state of an earlier agent was not taken over, for the log: "the pinned maps have ABI 2, …"; else empty.
  // Interfaces that it protects run its program until attach() names them: apply and put_blocks first, then attach.
  virtual std::string replaced_because() const { return {}; }
  virtual std::uint32_t active_generation() const = 0;  // of the half in force; 0: none yet
  virtual const std::vector<Feature>& features() const = 0;

  // Writes the inactive half, flips, and returns when no packet can see the old half any more.
  // Fills in tweaks and generation; claims slots of new services and zeroes their counters.
  virtual Status apply(const policy::Image& image, const std::map<std::string, unsigned>& slots,
                       std::uint32_t generation) = 0;
  virtual std::map<std::string, unsigned> slots() const = 0;

  // Idempotent. An interface that cannot be attached now is remembered: verify_attachments() tries again. One that
  // cannot change its mode stays attached in the earlier one.
  virtual Result<AttachState> attach(const policy::Interface& interface) = 0;
  virtual Status detach(const std::string& interface) = 0;
  virtual std::vector<AttachState> attachments() const = 0;
  // Verifies that links still hold (pins removed, interface gone and back, program replaced by another).
  // Puts right what it can. Returns the interfaces whose state changed, `problem` saying what had happened.
  virtual std::vector<AttachState> verify_attachments() = 0;

  // Visible to packets when the call returns. kResourceExhausted names the full table; what fits before it is in.
  virtual Status put_blocks(std::span<const BlockEntry> entries) = 0;
  virtual Status remove_blocks(std::span<const Prefix> targets) = 0;
  virtual Status put_limits(std::span<const LimitEntry> entries) = 0;
  virtual Status remove_limits(std::span<const Prefix> targets) = 0;
  virtual Status put_flow_blocks(std::span<const FlowBlock> blocks) = 0;
  virtual Status remove_flow_blocks(std::span<const Connection> connections) = 0;
  // All of them, those of an earlier agent included.
  virtual std::vector<FlowBlock> flow_blocks() const = 0;
  // Makes the tables hold what `stream` hands over and nothing else; what they hold before and after is never missing
  // meanwhile. Reads the stream twice when both together have no room. An error of the stream: nothing was dropped.
  // kResourceExhausted as above. Entries put by others meanwhile stay.
  virtual Status replace_entries(const EntryStream& stream) = 0;

  virtual Counters counters() const = 0;
  virtual std::vector<TableFill> tables() const = 0;
  virtual std::vector<BucketState> buckets_of(Address source) const = 0;
  virtual bool is_proven(Address source) const = 0;

  // Drains the ring buffer; returns the number handed over.
  virtual Result<std::size_t> poll_events(const std::function<void(const tg_event&)>& sink) = 0;
  // Clears the older generation of the proven bitmap and makes it the written one; every 30 minutes or so.
  virtual void rotate_proven() = 0;
  // Drops expired entries from the tables. Bounded work per call.
  virtual void sweep() = 0;
};

// Runs a policy over frames through the real program in a private copy (`tidegate replay`).
struct ReplayVerdict {
  bool dropped = false;
  bool dry_run = false;
  unsigned service = 0;
  unsigned reason = 0;
};
class Replay {
 public:
  static Result<std::unique_ptr<Replay>> open(const policy::Image& image);
  virtual ~Replay() = default;
  // `frame` starts with its Ethernet header; `when` is the capture's clock.
  virtual Result<ReplayVerdict> run(std::span<const std::byte> frame, std::chrono::nanoseconds when) = 0;
};

}  // namespace tidegate::kernel
