// SPDX-License-Identifier: Apache-2.0
// What agent and inspector say to each other, one message in one datagram of the channel (channel.hpp). Each side
// treats the other as hostile: decoders accept nothing beyond the bounds named here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/error.hpp"
#include "agent/inspect/model/counters.hpp"
#include "agent/inspect/model/flow.hpp"
#include "agent/inspect/model/settings.hpp"

namespace tidegate::inspect::wire {

// The first byte of every message. An inspector of another version is refused: agent and inspector are installed
// together, and an agent that outlived an upgrade says so.
inline constexpr std::uint8_t kVersion = 1;
inline constexpr std::size_t kMostBytes = 64 << 10;   // of a message
inline constexpr std::size_t kBatchBytes = 32 << 10;  // a batch of summaries this long is sent
inline constexpr std::size_t kMostWorkers = 64;
inline constexpr std::size_t kMostKeylogs = 16;
inline constexpr std::size_t kMostKeySources = 64;
inline constexpr std::size_t kMostText = 1024;
inline constexpr std::size_t kMostSettingsBytes = 6 << 20;  // of which descriptions of APIs: kMostApiBytes
inline constexpr std::size_t kMostAllowedUsers = 64;

// Descriptors that the inspector finds open when it starts; every other one it closes.
inline constexpr int kChannelFd = 3;
inline constexpr int kFirstRingFd = 4;    // live: one AF_PACKET socket a worker, ring set up, filter locked
inline constexpr int kCaptureFd = 4;      // offline: pcap or pcapng
inline constexpr int kFirstKeylogFd = 5;  // offline: key logs
// Behind the others, if Start says so: where sampled payloads go (payload_codec.hpp). The inspector moves it to a
// number that differs from that of the channel in one bit only, so that its system call filter can tell these two from
// all others.
inline constexpr int kPayloadFd = kChannelFd | 128;
// The examiner has its end of it here.
inline constexpr int kExaminerFd = 4;

// ---- agent to inspector ----

// First of all, once; complete settings follow at once. Then the inspector enters its sandbox, answers Ready, and
// works. Everything else may be sent behind them without waiting.
struct Start {
  enum class Mode : std::uint8_t {
    kLive,
    kOffline,
    kExamine,         // the examiner's: it tells in what it found something, as far as its time goes
    kExamineOffline,  // the examiner's: it tells of each payload, in their order, and leaves none out
  } mode = Mode::kLive;
  std::uint16_t workers = 1;           // live: rings handed over; at most kMostWorkers
  std::uint16_t keylogs = 0;           // offline: at most kMostKeylogs
  std::uint32_t ring_block_bytes = 0;  // live: geometry of each ring
  std::uint32_t ring_blocks = 0;
  bool payloads = false;   // a socket for payloads was handed over
  std::string rules = {};  // the examiner's: directory of the Core Rule Set; at most kMostText bytes

  friend bool operator==(const Start&, const Start&) = default;
};

// A part of encoded settings, which may be larger than a message; see settings_parts.hpp. Live, new settings may come
// at any time.
struct SettingsPart {
  bool first = true;
  bool last = true;
  Bytes bytes;  // lives as long as the message
};

// Replaces Settings::identity_key and identity_key_before.
struct IdentityKey {
  HashKey key{};
  std::optional<HashKey> before = std::nullopt;

  friend bool operator==(const IdentityKey&, const IdentityKey&) = default;
};

// Comes with one descriptor, which the inspector reads until its end.
struct KeySource {
  enum class Kind : std::uint8_t {
    kListenStream,     // listening SOCK_STREAM Unix socket; peers are checked
    kStream,           // connected stream
    kDatagramHaproxy,  // SOCK_DGRAM Unix socket that HAProxy logs to
    kFifo,             // opened for reading and writing, so that it never ends
    kFile,             // regular, growing; watched until it is replaced by a new KeySource of the same id
  };
  std::uint32_t id = 0;
  Kind kind = Kind::kStream;
  std::vector<std::uint32_t> allowed_users;    // kListenStream: root and these
  std::optional<std::uint32_t> allowed_group;  // and members of this group

  friend bool operator==(const KeySource&, const KeySource&) = default;
};

// No more from this source; its descriptor is closed.
struct KeySourceRemoved {
  std::uint32_t id = 0;

  friend bool operator==(const KeySourceRemoved&, const KeySourceRemoved&) = default;
};

// Whole key log lines, each with its end, as they came through KeyService.Publish.
struct KeyLines {
  std::uint32_t source = 0;  // an id that is no KeySource's
  Bytes lines;               // lives as long as the message
};

// Orderly end. The channel closing means the same. An examiner answers it with Finished, offline.
struct Stop {
  friend bool operator==(const Stop&, const Stop&) = default;
};

using ToInspector = std::variant<Start, SettingsPart, IdentityKey, KeySource, KeySourceRemoved, KeyLines, Stop>;

// ---- inspector to agent ----

// The sandbox is entered. What it consists of on this kernel.
struct Ready {
  bool secrets_locked = false;    // all of its memory is locked, and what it will have
  bool key_store_locked = false;  // the key store is, if nothing else
  bool filter = false;            // seccomp
  bool no_capabilities = false;   // all sets are empty
  bool no_dump = false;           // neither core dumps nor ptrace
  bool landlock = false;          // the file system is closed a second time

  friend bool operator==(const Ready&, const Ready&) = default;
};

// Summaries, read by SummaryReader (summary_codec.hpp).
struct Summaries {
  Bytes records;  // live as long as the message
};

// Of one worker, every 250 ms and when shedding changes: also a sign of life.
struct Statistics {
  std::uint16_t worker = 0;
  Counters counters;  // totals since it started
  std::uint64_t connections = 0;
  std::uint64_t memory_bytes = 0;    // of the budget in use
  std::uint8_t shedding = 0;         // engine's Shedding
  std::uint32_t shed_millionth = 0;  // share of new connections not admitted, in millionths
  std::uint32_t ring_fill_millionth = 0;
};

// Of the thread that reads keys, every 250 ms.
struct KeyStatistics {
  struct Source {
    std::uint32_t id = 0;
    std::uint64_t accepted = 0;   // lines
    std::uint64_t malformed = 0;  // lines
    std::uint64_t dropped = 0;    // lines, as senders report
    std::uint64_t refused = 0;    // senders
    std::uint64_t senders = 0;    // connected now

    friend bool operator==(const Source&, const Source&) = default;
  };
  Counters counters;           // kKeys…
  std::uint64_t sessions = 0;  // kept now
  std::uint64_t resident_bytes = 0;
  std::vector<Source> sources;  // at most kMostKeySources
};

struct KeySourceEnded {
  std::uint32_t id = 0;

  friend bool operator==(const KeySourceEnded&, const KeySourceEnded&) = default;
};

// Something that a person should know; one line, at most kMostText bytes. `fatal`: the inspector ends after it.
// `descriptor`: what it is about, by the number that it was handed over as; 0: nothing of that kind.
struct Problem {
  bool fatal = false;
  std::uint32_t descriptor = 0;
  std::string text;

  friend bool operator==(const Problem&, const Problem&) = default;
};

// Offline: how much of the capture has been read.
struct Progress {
  std::uint64_t bytes = 0;

  friend bool operator==(const Progress&, const Progress&) = default;
};

// Offline: everything has been sent. `problem`: why it ended before the capture's end; empty: it did not.
struct Finished {
  Statistics statistics;
  std::string problem;
  std::uint64_t key_lines = 0;  // accepted, of key logs and of the capture itself
};

using ToAgent = std::variant<Ready, Summaries, Statistics, KeyStatistics, KeySourceEnded, Problem, Progress, Finished>;

// Texts beyond their bound are cut, lists too.
std::vector<std::byte> encode(const ToInspector& message);
std::vector<std::byte> encode(const ToAgent& message);

// kInvalidArgument: not a message of this version. Never reads beyond `message`; allocates at most what is bounded
// above.
Result<ToInspector> decode_to_inspector(Bytes message);
Result<ToAgent> decode_to_agent(Bytes message);

}  // namespace tidegate::inspect::wire
