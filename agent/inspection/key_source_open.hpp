// SPDX-License-Identifier: Apache-2.0
// Opening what TLS servers hand their keys to. The agent opens, the inspector reads.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate::inspection {

// Which file a name led to, so that it is noticed when it leads to another one.
struct FileIdentity {
  dev_t device = 0;
  ino_t number = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
std::optional<FileIdentity> identity_of(const std::filesystem::path& path);  // none: there is no such file

struct OpenedKeySource {
  UniqueFd fd;
  FileIdentity identity;
  std::string note;  // what an operator should know although it works; empty: nothing
};

// The group that may send, by name. The note says what follows when there is none.
struct KeyGroup {
  std::string name;
  std::optional<gid_t> id;
  std::string note;
};
KeyGroup find_key_group(const std::string& name);

// Listening, mode 0660, of that group; 0600 without one. A socket that nobody serves is replaced.
Result<OpenedKeySource> open_key_socket(const std::filesystem::path& path, const KeyGroup& group);
// For datagrams, likewise.
Result<OpenedKeySource> open_haproxy_log(const std::filesystem::path& path, const KeyGroup& group);
// Made when it is missing; mode 0620, of that group, when it is the agent's own, also of a former run. Has no end while
// it is open.
Result<OpenedKeySource> open_key_fifo(const std::filesystem::path& path, const KeyGroup& group);
// kNotFound: not there yet.
Result<OpenedKeySource> open_key_file(const std::filesystem::path& path);

// Once more for a socket or FIFO whose note was about the group. Returns the note that is left; empty: the group may
// send.
std::string give_to_group(int fd, const std::filesystem::path& path, const KeyGroup& group);

}  // namespace tidegate::inspection
