// SPDX-License-Identifier: Apache-2.0
// The ways in which keys come, open or to be opened; they outlive the inspector, so that senders need not notice when
// it is started again.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/settings.hpp"
#include "agent/inspect/wire/messages.hpp"
#include "agent/inspection/key_source_open.hpp"

namespace tidegate::inspection {

inline constexpr std::uint32_t kPublishId = 0;  // of lines that came through KeyService

// Used by one thread.
class KeySources {
 public:
  struct Entry {
    std::uint32_t id = 0;
    inspect::wire::KeySource::Kind kind{};
    std::filesystem::path path;
    UniqueFd fd;  // none: not open
    FileIdentity identity;
    std::string problem;  // why it is not open, or who cannot use it; empty: nothing
  };

  using FindGroup = std::function<KeyGroup(const std::string& name)>;
  explicit KeySources(const config::KeySettings& settings, FindGroup find_group = find_key_group);
  // Sockets are removed, FIFOs and files stay.
  ~KeySources();
  KeySources(const KeySources&) = delete;
  KeySources& operator=(const KeySources&) = delete;

  // Opens what is not open and what is another file by now, and gives to the group what could not be given before.
  // Returns what the inspector has to be told of since. One or two system calls for each; call it every second or so.
  std::vector<const Entry*> refresh();
  // The inspector found its end: it is opened anew at the next refresh().
  void lost(std::uint32_t id);
  // Closes all and removes the sockets.
  void close();
  const std::vector<Entry>& entries() const { return entries_; }
  // What the inspector is told of an entry; its descriptor goes with it.
  inspect::wire::KeySource describe(const Entry& entry) const;

 private:
  void add(inspect::wire::KeySource::Kind kind, const std::filesystem::path& path);
  Result<OpenedKeySource> open(const Entry& entry);
  const KeyGroup& group();
  bool mended(Entry& entry);

  FindGroup find_group_;
  std::string group_name_;
  KeyGroup group_;
  std::vector<Entry> entries_;
};

// "socket", "fifo", "file", "haproxy_log".
std::string name_of(inspect::wire::KeySource::Kind kind);

}  // namespace tidegate::inspection
