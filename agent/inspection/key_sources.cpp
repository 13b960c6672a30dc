// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/key_sources.hpp"

#include <unistd.h>

namespace tidegate::inspection {
namespace {

using Kind = inspect::wire::KeySource::Kind;

bool is_socket(Kind kind) { return kind == Kind::kListenStream || kind == Kind::kDatagramHaproxy; }

// Only our own socket: what another program put in its place meanwhile stays.
void remove_socket(const KeySources::Entry& entry) {
  if (entry.fd && is_socket(entry.kind) && identity_of(entry.path) == entry.identity) ::unlink(entry.path.c_str());
}

}  // namespace

std::string name_of(Kind kind) {
  switch (kind) {
    case Kind::kListenStream:
    case Kind::kStream:
      return "socket";
    case Kind::kDatagramHaproxy:
      return "haproxy_log";
    case Kind::kFifo:
      return "fifo";
    case Kind::kFile:
      return "file";
  }
  return "unknown";
}

KeySources::KeySources(const config::KeySettings& settings, FindGroup find_group)
    : find_group_(std::move(find_group)),
      group_name_(settings.socket ? settings.socket->group : config::KeySocketSettings{}.group) {
  if (settings.socket) add(Kind::kListenStream, settings.socket->path);
  for (const auto& path : settings.fifos) add(Kind::kFifo, path);
  for (const auto& path : settings.files) add(Kind::kFile, path);
  for (const auto& path : settings.haproxy_log) add(Kind::kDatagramHaproxy, path);
}

KeySources::~KeySources() { close(); }

void KeySources::add(Kind kind, const std::filesystem::path& path) {
  entries_.push_back({.id = kPublishId + 1 + static_cast<std::uint32_t>(entries_.size()),
                      .kind = kind,
                      .path = path,
                      .fd = UniqueFd(),
                      .identity = {},
                      .problem = {}});
}

void KeySources::close() {
  for (auto& entry : entries_) {
    remove_socket(entry);
    entry.fd.reset();
    entry.problem.clear();
  }
}

void KeySources::lost(std::uint32_t id) {
  for (auto& entry : entries_) {
    if (entry.id != id) continue;
    remove_socket(entry);
    entry.fd.reset();
  }
}

// It may be made later.
const KeyGroup& KeySources::group() {
  if (!group_.id) group_ = find_group_(group_name_);
  return group_;
}

// An open entry that its group could not use, and now can. The inspector has to hear of it: it checks who sends.
bool KeySources::mended(Entry& entry) {
  if (entry.problem.empty()) return false;
  entry.problem = give_to_group(entry.fd.get(), entry.path, group());
  return entry.problem.empty();
}

Result<OpenedKeySource> KeySources::open(const Entry& entry) {
  switch (entry.kind) {
    case Kind::kListenStream:
      return open_key_socket(entry.path, group());
    case Kind::kDatagramHaproxy:
      return open_haproxy_log(entry.path, group());
    case Kind::kFifo:
      return open_key_fifo(entry.path, group());
    default:
      return open_key_file(entry.path);
  }
}

// A file that was moved away stays open until there is a new one: its writer may still use it.
std::vector<const KeySources::Entry*> KeySources::refresh() {
  std::vector<const Entry*> opened;
  for (auto& entry : entries_) {
    const auto present = identity_of(entry.path);
    if (entry.fd && present == entry.identity) {
      if (mended(entry)) opened.push_back(&entry);
      continue;
    }
    if (entry.fd && !present && entry.kind == Kind::kFile) continue;
    auto next = open(entry);
    if (next) {
      entry.fd = std::move(next->fd);
      entry.identity = next->identity;
      entry.problem = std::move(next->note);
      opened.push_back(&entry);
    } else {
      entry.problem = next.error().message;
    }
  }
  return opened;
}

inspect::wire::KeySource KeySources::describe(const Entry& entry) const {
  inspect::wire::KeySource source;
  source.id = entry.id;
  source.kind = entry.kind;
  if (entry.kind != Kind::kListenStream) return source;
  source.allowed_users = {static_cast<std::uint32_t>(::geteuid())};
  if (group_.id) source.allowed_group = static_cast<std::uint32_t>(*group_.id);
  return source;
}

}  // namespace tidegate::inspection
