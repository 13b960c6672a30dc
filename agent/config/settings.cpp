// SPDX-License-Identifier: Apache-2.0
#include "agent/config/settings.hpp"

#include <algorithm>
#include <charconv>

#include "agent/config/document.hpp"
#include "agent/config/inspect_settings.hpp"
#include "agent/config/map_reader.hpp"
#include "agent/config/values.hpp"

namespace tidegate::config {
namespace {

using policy::in_quotes;

// Ways below a set of eight times 64 make every source collide; above, the tables outgrow what a host gives away.
constexpr std::uint64_t kLeastBuckets = 512;
constexpr std::uint64_t kMostBuckets = 1 << 22;
constexpr std::uint64_t kLeastBlocks = 1024;
constexpr std::uint64_t kMostBlocks = 1 << 24;
constexpr std::size_t kMostExports = 8;

std::optional<MetricsAddress> parse_metrics(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  MetricsAddress result;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result.port);
  const auto address = Address::parse(host == "localhost" ? "127.0.0.1" : host);
  if (error != std::errc{} || end != digits.data() + digits.size() || !address) return std::nullopt;
  if (bracketed != (host.find(':') != host.npos)) return std::nullopt;
  result.host = host == "localhost" ? "127.0.0.1" : host;
  return result;
}

bool is_loopback(const std::string& host) {
  if (host == "::1") return true;
  return Address::parse(host) && host.starts_with("127.");
}

void read_metrics(const Node* node, const Values& values, Settings& settings) {
  const auto text = values.text(node, "metrics");
  if (!text) return;
  if (*text == "off") {
    settings.metrics.reset();
    return;
  }
  const auto address = parse_metrics(*text);
  if (!address) {
    values.error(node->location, "metrics: " + in_quotes(*text) +
                                     " is neither an address and port such as 127.0.0.1:9464 or [::1]:9464 nor off");
    return;
  }
  if (!is_loopback(address->host)) {
    values.report().warning(node->location, "metrics: " + address->host +
                                                " is not loopback; everybody who reaches it can read the metrics");
  }
  settings.metrics = *address;
}

void read_log(const Node* node, const Values& values, LogSettings& log) {
  if (node == nullptr) return;
  MapReader map(*node, "log", values.report());
  if (const auto level =
          values.choice(map.take("level"), "log level", {"trace", "debug", "info", "warning", "error"})) {
    log.level = static_cast<LogLevel>(*level);
  }
  const Node* to = map.take("to");
  const auto text = values.text(to, "log to");
  map.finish();
  if (!text) return;
  if (*text == "journal") {
    log.to = LogTarget::kJournal;
  } else if (*text == "stderr") {
    log.to = LogTarget::kStderr;
  } else if (text->starts_with('/')) {
    log.to = LogTarget::kFile;
    log.file = *text;
  } else {
    values.error(to->location, "log to: " + in_quotes(*text) + " is neither journal, stderr nor an absolute path");
  }
}

void read_tables(const Node* node, const Values& values, TableSettings& tables) {
  if (node == nullptr) return;
  MapReader map(*node, "tables", values.report());
  if (const auto n = values.whole(map.take("buckets"), "tables: buckets", kLeastBuckets, kMostBuckets))
    tables.buckets = *n;
  if (const auto n = values.whole(map.take("blocks"), "tables: blocks", kLeastBlocks, kMostBlocks)) tables.blocks = *n;
  map.finish();
}

// A list, for there will be other ways: [{ecs_file: PATH}].
void read_exports(const Node* node, const Values& values, ExportSettings& exports) {
  for (const Node* item : values.list(node, "exports", false)) {
    MapReader map(*item, "exports", values.report());
    std::filesystem::path path;
    const Node* file = map.require("ecs_file");
    read_path(file, "exports: ecs_file", values, path);
    map.finish();
    if (path.empty()) continue;
    const auto& known = exports.ecs_files;
    if (std::find(known.begin(), known.end(), path) != known.end()) {
      values.error(file->location, "exports: ecs_file: " + path.string() + " is there twice; remove one");
    } else if (known.size() == kMostExports) {
      values.error(file->location, "exports: more than " + std::to_string(kMostExports) + "; leave some out");
    } else {
      exports.ecs_files.push_back(std::move(path));
    }
  }
}

void read_root(const Node& root, const Values& values, Settings& settings) {
  MapReader map(root, "the settings", values.report());
  read_path(map.take("policy"), "policy", values, settings.policy);
  read_socket_path(map.take("socket"), "socket", values, settings.socket);
  settings.socket_group = values.name(map.take("socket_group"), "socket_group");
  read_path(map.take("state_dir"), "state_dir", values, settings.state_dir);
  read_path(map.take("pin_dir"), "pin_dir", values, settings.pin_dir);
  read_metrics(map.take("metrics"), values, settings);
  read_log(map.take("log"), values, settings.log);
  read_tables(map.take("tables"), values, settings.tables);
  read_keys(map.take("keys"), values, settings.keys);
  read_inspect(map.take("inspect"), values, settings.inspect);
  read_exports(map.take("exports"), values, settings.exports);
  map.finish();
}

}  // namespace

std::string MetricsAddress::to_string() const {
  const bool brackets = host.find(':') != host.npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool ParsedSettings::valid() const {
  return std::all_of(issues.begin(), issues.end(), [](const policy::Issue& issue) { return issue.warning; });
}

ParsedSettings read_settings(std::string text) {
  ParsedSettings result;
  policy::Report report;
  const Node root = read_document(text, report);
  if (!root.is_null()) read_root(root, Values(report), result.settings);
  result.issues = std::move(report).take();
  return result;
}

}  // namespace tidegate::config
