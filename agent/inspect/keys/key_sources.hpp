// SPDX-License-Identifier: Apache-2.0
// Where key lines come in: sockets, FIFOs and files that were opened outside and are only read here.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/unique_fd.hpp"
#include "agent/inspect/keys/key_store.hpp"
#include "agent/inspect/model/counters.hpp"

namespace tidegate::inspect {

enum class KeySourceKind : std::uint8_t {
  kListener,  // listening SOCK_STREAM Unix socket; who connects is checked by SO_PEERCRED and SO_PEERGROUPS
  kStream,    // connected stream socket
  kDatagram,  // datagram socket: HAProxy's syslog lines, or key lines
  kFifo,      // opened O_RDWR, so that it has no end
  kFile,      // regular file that grows; looked at every 20 ms; one that became shorter is read from its beginning
};

// Who may send over a listener. Root always may; both empty: everyone whom the socket's file mode lets in.
struct KeySenders {
  std::vector<uid_t> users;
  std::vector<gid_t> groups;
};

// Connections beyond these bounds are taken all the same: in place of the one that was silent for longest, of the same
// user, or of the user that has most. That one is read once more and closed (kKeysTooManySenders); its sender connects
// anew when it has something to say.
struct KeySourceLimits {
  std::size_t connections = 3072;           // of all listeners together; fewer where RLIMIT_NOFILE is low
  std::size_t connections_of_user = 1024;   // of all listeners together
  std::size_t bytes_per_pass = 64 << 10;    // of one connection or other source
  std::size_t bytes_per_second = 32 << 20;  // of one user or other source; it is left unread meanwhile. A line costs 64
                                            // bytes more than it has, because taking it costs time, too
};

// What came from one source, its connections taken together.
struct KeySourceFigures {
  std::uint32_t id = 0;
  std::uint64_t accepted = 0;   // lines
  std::uint64_t malformed = 0;  // lines that are none, or longer than 1 KiB
  std::uint64_t dropped = 0;    // lines, as senders report
  std::uint64_t refused = 0;    // connections
  std::uint64_t bytes = 0;
  std::size_t connections = 0;  // open now, of a listener
  WallTime last{};              // when bytes last came; the epoch: never
  bool ended = false;           // end of stream or an error: nothing more comes
};

// Lines of at most 1 KiB; a longer one is dropped up to its end and counted (kKeysMalformed). Users and other sources
// take turns, each within its share, so that one that floods, over however many connections, neither starves others nor
// takes a processor. A connection costs no time and about 100 bytes while nothing comes, 1 KiB more while a line of it
// is incomplete. Buffers are locked where the system allows it (of incomplete lines, the first 256), and wiped. Used by
// one thread. System calls after construction: epoll_ctl, epoll_wait, read, pread64, recvfrom, lseek, accept4,
// getsockopt, close.
class KeySources {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::chrono::seconds kLinger{5};

  // Not thread-safe; `keys` and `clock` outlive it.
  KeySources(KeyStore& keys, const KeySourceLimits& limits, const Clock& clock);
  ~KeySources();
  KeySources(const KeySources&) = delete;
  KeySources& operator=(const KeySources&) = delete;

  // False, and the descriptor is closed: more than kMost, or it cannot be waited for. An id that is there gets another
  // descriptor and goes on counting; a file is still read for kLinger, because its writer may not have noticed yet.
  bool add(std::uint32_t id, KeySourceKind kind, UniqueFd fd, KeySenders allowed = {});
  void remove(std::uint32_t id);

  // Readable when work() has something to do, files and resting sources aside.
  int wait_fd() const;
  // How long the caller may wait on wait_fd() before it calls work() again; at most one second.
  std::chrono::milliseconds wait_at_most() const;
  // One pass over what is there; bounded.
  void work(Counters& counters);

  std::vector<KeySourceFigures> figures() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidegate::inspect
