// SPDX-License-Identifier: Apache-2.0
// tidegate.yaml: what an installation sets once. Every value has a default; an empty file is a good one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/policy/model.hpp"

namespace tidegate::config {

enum class LogLevel { kTrace, kDebug, kInfo, kWarning, kError };
enum class LogTarget { kJournal, kStderr, kFile };

struct LogSettings {
  LogLevel level = LogLevel::kInfo;
  LogTarget to = LogTarget::kJournal;
  std::filesystem::path file;  // of kFile
};

// Where Prometheus asks. IPv6 hosts are kept without brackets.
struct MetricsAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = 9464;      // 0: any free one
  std::string to_string() const;  // "127.0.0.1:9464", "[::1]:9464"
};

struct TableSettings {
  std::uint64_t buckets = 65536;
  std::uint64_t blocks = 1'048'576;
};

// Where TLS servers hand over their session keys.
struct KeySocketSettings {
  std::filesystem::path path = "/run/tidegate/keys.sock";
  std::string group = "tidegate-keys";  // its members may connect, beside root
};
struct KeySettings {
  std::optional<KeySocketSettings> socket = KeySocketSettings{};  // none: `socket: off`
  std::vector<std::filesystem::path> fifos;
  std::vector<std::filesystem::path> files;
  std::vector<std::filesystem::path> haproxy_log;  // datagram sockets
};

struct InspectSettings {
  unsigned cores = 1;
  std::uint64_t memory = 256'000'000;                                        // bytes
  double sample = 1.0;                                                       // share of connections
  std::filesystem::path payload_rules = "/usr/share/modsecurity-crs/rules";  // of the OWASP Core Rule Set
};

// Where events are written to for other programs.
struct ExportSettings {
  std::vector<std::filesystem::path> ecs_files;
};

struct Settings {
  std::filesystem::path policy = "/etc/tidegate/policy.yaml";
  std::filesystem::path socket = "/run/tidegate/tidegate.sock";
  std::optional<std::string> socket_group;  // its members may use the agent, beside root; none: nobody else
  std::filesystem::path state_dir = "/var/lib/tidegate";
  std::filesystem::path pin_dir = "/sys/fs/bpf/tidegate";
  std::optional<MetricsAddress> metrics = MetricsAddress{};  // none: `metrics: off`
  LogSettings log;
  TableSettings tables;
  KeySettings keys;
  InspectSettings inspect;
  ExportSettings exports;
};

struct ParsedSettings {
  Settings settings;
  std::vector<policy::Issue> issues;  // at most 100, in the order of the file
  bool valid() const;                 // no issue is an error
};

// Same bounds and errors as read_policy.
ParsedSettings read_settings(std::string text);

}  // namespace tidegate::config
