// SPDX-License-Identifier: Apache-2.0
// Reads a map key by key and reports what is not asked for.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/document.hpp"

namespace tidegate::config {

// The members of one map. Keys that nobody took are reported by finish(), with the nearest known
// one; duplicates at construction. Refers to the node and the report; keep both alive.
class MapReader {
 public:
  // `what` names the map in messages: "service 'api'". What is not a map is reported and reads as an empty one.
  MapReader(const Node& node, std::string what, policy::Report& report);

  // The value of a key, or nullptr when the key is absent or has no value (which is reported).
  const Node* take(std::string_view key);
  // Likewise, and reports its absence.
  const Node* require(std::string_view key);
  bool has(std::string_view key) const;

  // Reports keys that were not taken. Call once, when all known keys have been asked for.
  void finish();

  // A better name for the map, once it is known.
  void rename(std::string what) { what_ = std::move(what); }

  // Location of the map itself.
  policy::Location location() const { return node_.location; }
  const std::string& what() const { return what_; }

 private:
  void report_duplicates();

  const Node& node_;
  std::string what_;
  policy::Report& report_;
  std::vector<std::string_view> known_;
};

// The word of `known` that `word` was probably meant to be, or "".
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

// "; did you mean 'x'?" or "; known are a, b, c".
std::string suggestion(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace tidegate::config
