// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/finding.hpp"

#include <array>
#include <span>

#include "agent/base/hex.hpp"

namespace tidegate::behavior {
namespace {

constexpr std::size_t kLongestTemplate = 96;
constexpr std::size_t kLongestLine = 1000;

struct ObstacleText {
  std::string_view name;
  std::string_view sentence;
};
constexpr std::array<ObstacleText, kObstacles> kTexts{{
    {"none", ""},
    {"trusted_proxy", "behind a trusted proxy neither address nor connection belongs to one client"},
    {"no_address", "a fingerprint alone names nobody: many share it"},
    {"nat_guard", "other sessions that behave well share the source"},
    {"safelisted", "the source is on the safelist"},
    {"outranked", "a rule of higher priority fired on the same request"},
    {"rule_cap", "the rule has reached its cap of decisions"},
    {"global_cap", "all rules together have reached the cap of decisions"},
}};

// What a peer chose, fit for one line.
std::string shown(std::string_view text) {
  std::string result(text.substr(0, kLongestTemplate));
  for (char& c : result) {
    if (c < ' ' || c > '~') c = '?';
  }
  return result + (text.size() > kLongestTemplate ? "…" : "");
}

std::string shown(const inspect::IdentityHash& hash) { return to_hex(std::span(hash).first(4)) + "…"; }

void append(std::string& text, std::string_view name, const std::string& value) {
  text += (text.empty() ? "" : ", ") + std::string(name) + " " + value;
}

}  // namespace

std::string_view to_string(Obstacle obstacle) { return kTexts[static_cast<std::size_t>(obstacle)].name; }

std::string_view explain(Obstacle obstacle) { return kTexts[static_cast<std::size_t>(obstacle)].sentence; }

std::string format(const FindingKey& key) {
  std::string text;
  if (key.source) append(text, "source", key.source->to_string());
  if (key.session) append(text, "session", shown(*key.session));
  if (key.account) append(text, "account", shown(*key.account));
  if (!key.ja4.empty()) append(text, "ja4", shown(key.ja4));
  return text;
}

std::string describe(const Finding& finding) {
  std::string text = finding.evidence.text;
  const std::string key = format(finding.key);
  if (!key.empty()) text += " by " + key;
  for (std::size_t i = 0; i < finding.evidence.examples.size(); ++i) {
    const ExampleRequest& example = finding.evidence.examples[i];
    text += (i == 0 ? "; for example " : ", ") + shown(example.path_template) + " at " + to_rfc3339(example.time);
  }
  if (finding.repetition > 1) text += "; decision " + std::to_string(finding.repetition) + " on this key";
  if (finding.blocks_connections && finding.obstacle == Obstacle::kNone) {
    text += finding.source_obstacle == Obstacle::kNone
                ? "; by connection and by source"
                : "; by connection, not by source: " + std::string(explain(finding.source_obstacle));
  }
  if (finding.shadow) text += "; shadow: not enforced";
  if (finding.obstacle != Obstacle::kNone) text += "; not enforced: " + std::string(explain(finding.obstacle));
  if (text.size() > kLongestLine) text.resize(kLongestLine);
  return text;
}

}  // namespace tidegate::behavior
