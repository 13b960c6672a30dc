// SPDX-License-Identifier: Apache-2.0
// A YAML text as a tree of values that know where they stand. Only document.cpp includes yaml-cpp.
#pragma once

#include <string>
#include <vector>

#include "agent/policy/report.hpp"

namespace tidegate::config {

enum class NodeKind { kNull, kScalar, kSequence, kMap };

struct Member;

struct Node {
  NodeKind kind = NodeKind::kNull;
  policy::Location location;
  std::string text;             // of a scalar
  bool is_plain = true;         // of a scalar: written without quotes
  std::vector<Node> items;      // of a sequence
  std::vector<Member> members;  // of a map, in the order of the text; keys are scalars

  bool is_null() const { return kind == NodeKind::kNull; }
  bool is_scalar() const { return kind == NodeKind::kScalar; }
  bool is_sequence() const { return kind == NodeKind::kSequence; }
  bool is_map() const { return kind == NodeKind::kMap; }
};

struct Member {
  Node key;
  Node value;
};

// Bounds on foreign text.
inline constexpr std::size_t kMostDepth = 32;
inline constexpr std::size_t kMostNodes = 100'000;

// The only document of `text`; an empty text is a null. What cannot be read is reported and gives a null as well.
// Refused: more than kMostText bytes (text_file.hpp), what is not UTF-8 or has control characters, anchors, aliases,
// tags, several documents, keys that are not scalars.
Node read_document(const std::string& text, policy::Report& report);

// One line of YAML in flow style with quoted strings where needed: equal for texts that mean the same.
std::string canonical(const Node& node);

}  // namespace tidegate::config
