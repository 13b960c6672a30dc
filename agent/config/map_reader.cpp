// SPDX-License-Identifier: Apache-2.0
#include "agent/config/map_reader.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace tidegate::config {
namespace {

constexpr std::size_t kLongestWord = 32;  // longer keys are no typing errors of ours

// Levenshtein, with a swap of neighbours as one step (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  std::iota(d[0].begin(), d[0].end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

MapReader::MapReader(const Node& node, std::string what, policy::Report& report)
    : node_(node), what_(std::move(what)), report_(report) {
  if (!node.is_map()) report_.error(node.location, what_ + " has to be a map of `key: value`");
  report_duplicates();
}

void MapReader::report_duplicates() {
  std::unordered_map<std::string_view, policy::Location> seen;
  for (const auto& [key, value] : node_.members) {
    const auto [first, added] = seen.try_emplace(key.text, key.location);
    if (added) continue;
    report_.error(key.location, "key " + policy::in_quotes(key.text) + " of " + what_ + " is there twice, first at " +
                                    to_string(first->second));
  }
}

bool MapReader::has(std::string_view key) const {
  return std::any_of(node_.members.begin(), node_.members.end(), [&](const Member& m) { return m.key.text == key; });
}

const Node* MapReader::take(std::string_view key) {
  known_.push_back(key);
  for (const auto& [name, value] : node_.members) {
    if (name.text != key) continue;
    if (!value.is_null()) return &value;
    report_.error(name.location,
                  "key " + policy::in_quotes(key) + " of " + what_ + " has no value; give one or leave it out");
    return nullptr;
  }
  return nullptr;
}

const Node* MapReader::require(std::string_view key) {
  const Node* value = take(key);
  if (value == nullptr && node_.is_map() && !has(key)) {
    report_.error(node_.location, what_ + " has no " + policy::in_quotes(key));
  }
  return value;
}

void MapReader::finish() {
  for (const auto& [key, value] : node_.members) {
    if (report_.full()) return;  // a suggestion costs time that nobody would see the result of
    if (std::find(known_.begin(), known_.end(), key.text) != known_.end()) continue;
    report_.error(key.location,
                  "unknown key " + policy::in_quotes(key.text) + " in " + what_ + suggestion(key.text, known_));
  }
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3 + 1);  // more changes than that is another word
  if (word.size() > kLongestWord) return best;
  for (const std::string_view candidate : known) {
    const std::size_t steps = distance(word, candidate);
    if (steps < least) best = candidate, least = steps;
  }
  return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& known) {
  const std::string_view best = nearest(word, known);
  if (!best.empty()) return "; did you mean '" + std::string(best) + "'?";
  std::string list;
  for (const std::string_view candidate : known) list += (list.empty() ? "" : ", ") + std::string(candidate);
  return "; known are " + list;
}

}  // namespace tidegate::config
