// SPDX-License-Identifier: Apache-2.0
// What requests a rule is about: `match`, and the matches inside conditions (docs/rules.md).
#pragma once

#include <optional>
#include <string>

#include "agent/behavior/match.hpp"
#include "agent/config/map_reader.hpp"
#include "agent/config/values.hpp"

namespace tidegate::config {

// The matches of one rule. Refers to the values; counts the single matchers of all that it reads.
class RuleMatches {
 public:
  explicit RuleMatches(const Values& values) : values_(values) {}

  // An empty match where the node is nullptr. What is wrong is reported.
  behavior::Match read(const Node* node, const std::string& what) { return read(node, what, 1); }

 private:
  behavior::Match read(const Node* node, const std::string& what, unsigned depth);
  void read_inside(const Node* node, const std::string& what, unsigned depth, std::vector<behavior::Match>& matches);
  void read_field(const Node& node, const behavior::FieldInfo& field, const std::string& what, behavior::Match& match);
  std::optional<behavior::FieldTest> read_test(const Node& node, const behavior::FieldInfo& field,
                                               const std::string& what);
  behavior::TextTest read_text(const Node& node, const behavior::FieldInfo& field, const std::string& what);
  behavior::StatusTest read_statuses(const Node& node, const std::string& what);
  behavior::NumberTest read_number(const Node& node, const behavior::FieldInfo& field, const std::string& what);
  behavior::VersionTest read_versions(const Node& node, const behavior::FieldInfo& field, const std::string& what);
  behavior::FlagTest read_flags(const Node& node, const behavior::FieldInfo& field, const std::string& what);
  std::optional<std::uint64_t> read_bound(const Node* node, behavior::FieldType type, const std::string& what) const;
  bool fits(const std::string& text, const behavior::FieldInfo& field) const;

  const Values& values_;
  std::size_t tests_ = 0;
};

}  // namespace tidegate::config
