// SPDX-License-Identifier: Apache-2.0
#include "agent/config/inspect_settings.hpp"

#include <sys/un.h>

#include <set>

#include "agent/config/map_reader.hpp"

namespace tidegate::config {
namespace {

using policy::in_quotes;

constexpr std::size_t kLongestSocketPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t kMostSources = 64;  // of all kinds together
constexpr std::uint64_t kMostCores = 64;
// Below, one connection that waits for its keys would fill it; above, it is a mistake in the unit.
constexpr std::uint64_t kLeastMemory = 32'000'000;
constexpr std::uint64_t kMostMemory = 64'000'000'000;

void read_key_socket(const Node* node, const Values& values, std::optional<KeySocketSettings>& socket) {
  if (node == nullptr) return;
  if (node->is_scalar() && node->text == "off") {
    socket.reset();
    return;
  }
  MapReader map(*node, "keys: socket", values.report());
  KeySocketSettings read;
  read_socket_path(map.require("path"), "keys: socket path", values, read.path);
  if (const auto group = values.name(map.take("group"), "keys: socket group")) read.group = *group;
  map.finish();
  socket = read;
}

void read_paths(const Node* node, const std::string& what, bool sockets, const Values& values,
                std::set<std::filesystem::path>& seen, std::vector<std::filesystem::path>& paths) {
  const auto items = values.list(node, what, false);
  for (const Node* item : items) {
    std::filesystem::path path;
    sockets ? read_socket_path(item, what, values, path) : read_path(item, what, values, path);
    if (path.empty()) continue;
    if (!seen.insert(path).second) {
      values.error(item->location, what + ": " + path.string() + " is there twice; remove one");
    } else if (seen.size() > kMostSources) {
      values.error(item->location,
                   what + ": more than " + std::to_string(kMostSources) + " key sources; leave some out");
      return;
    } else {
      paths.push_back(std::move(path));
    }
  }
}

}  // namespace

void read_path(const Node* node, const std::string& what, const Values& values, std::filesystem::path& path) {
  const auto text = values.text(node, what);
  if (!text) return;
  if (text->starts_with('/')) {
    path = *text;
  } else {
    values.error(node->location, what + ": " + in_quotes(*text) + " is not an absolute path; it has to begin with '/'");
  }
}

void read_socket_path(const Node* node, const std::string& what, const Values& values, std::filesystem::path& path) {
  read_path(node, what, values, path);
  if (node == nullptr || path.native().size() <= kLongestSocketPath) return;
  values.error(node->location, what + " is longer than the " + std::to_string(kLongestSocketPath) +
                                   " bytes that the kernel takes for a socket; use a shorter path");
}

void read_keys(const Node* node, const Values& values, KeySettings& keys) {
  if (node == nullptr) return;
  MapReader map(*node, "keys", values.report());
  read_key_socket(map.take("socket"), values, keys.socket);
  std::set<std::filesystem::path> seen;
  if (keys.socket) seen.insert(keys.socket->path);
  read_paths(map.take("fifos"), "keys: fifos", false, values, seen, keys.fifos);
  read_paths(map.take("files"), "keys: files", false, values, seen, keys.files);
  read_paths(map.take("haproxy_log"), "keys: haproxy_log", true, values, seen, keys.haproxy_log);
  map.finish();
}

void read_inspect(const Node* node, const Values& values, InspectSettings& inspect) {
  if (node == nullptr) return;
  MapReader map(*node, "inspect", values.report());
  if (const auto cores = values.whole(map.take("cores"), "inspect: cores", 1, kMostCores)) {
    inspect.cores = static_cast<unsigned>(*cores);
  }
  const Node* memory = map.take("memory");
  if (const auto bytes = values.bytes(memory, "inspect: memory")) {
    inspect.memory = *bytes;
    if (*bytes < kLeastMemory || *bytes > kMostMemory) {
      values.error(memory->location, "inspect: memory: " + format_bytes(*bytes) + " is not from " +
                                         format_bytes(kLeastMemory) + " to " + format_bytes(kMostMemory));
    }
  }
  if (const auto sample = values.fraction(map.take("sample"), "inspect: sample", 0, 1)) inspect.sample = *sample;
  const Node* rules = map.take("payload_rules");
  if (const auto path = values.text(rules, "inspect: payload_rules")) {
    inspect.payload_rules = *path;
    if (!path->starts_with('/')) values.error(rules->location, "inspect: payload_rules has to be an absolute path");
  }
  map.finish();
}

}  // namespace tidegate::config
