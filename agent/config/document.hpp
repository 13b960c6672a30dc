// SPDX-License-Identifier: Apache-2.0
// A YAML text as a tree of values that know where they stand. Only document.cpp includes yaml-cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/text_file.hpp"
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

// Bounds on foreign text; these are a policy's.
struct DocumentBounds {
  std::size_t text = kMostText;  // bytes
  std::size_t nodes = 100'000;
  std::size_t depth = 32;
  std::string_view remedy = "; import long lists with `tidegate decisions import`";  // of a text that is too long
};

// The only document of `text`; an empty text is a null. What cannot be read is reported and gives a null as well.
// Refused: what is beyond the bounds, what is not UTF-8 or has control characters, anchors, aliases, tags, several
// documents, keys that are not scalars.
Node read_document(const std::string& text, policy::Report& report, const DocumentBounds& bounds = {});

// One line of YAML in flow style with quoted strings where needed: equal for texts that mean the same.
std::string canonical(const Node& node);

}  // namespace tidegate::config
