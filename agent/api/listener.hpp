// SPDX-License-Identifier: Apache-2.0
// The agent's Unix socket: one agent per path, permissions set before anybody can connect.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate::api {

struct ListenerOptions {
  std::filesystem::path path = "/run/tidegate/tidegate.sock";
  mode_t mode = 0660;
  std::optional<gid_t> group;  // owner of the socket file; none: the agent's own
};

// Holds PATH.lock for as long as it lives, and removes the socket at the end.
class Listener {
 public:
  // A socket file that nobody serves is replaced. Refused: another agent holds the path or answers there
  // (kAlreadyExists), something else than a socket lies there, the directory is missing or not writable.
  static Result<Listener> open(const ListenerOptions& options);
  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) noexcept = default;
  ~Listener();

  int fd() const { return socket_.get(); }

 private:
  Listener(std::filesystem::path path, UniqueFd lock, UniqueFd socket)
      : path_(std::move(path)), lock_(std::move(lock)), socket_(std::move(socket)) {}

  std::filesystem::path path_;
  UniqueFd lock_;
  UniqueFd socket_;
};

}  // namespace tidegate::api
