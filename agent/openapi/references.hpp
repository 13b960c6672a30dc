// SPDX-License-Identifier: Apache-2.0
// Looking things up in a document, across `$ref`.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "agent/config/document.hpp"
#include "agent/policy/report.hpp"

namespace tidegate::openapi {

using config::Node;

// The value of a key; nullptr: `node` is no map, or has no such key.
const Node* find(const Node& node, std::string_view key);
// Likewise, as the text of a scalar; "": there is none.
std::string_view text_at(const Node& node, std::string_view key);
// `true`; anything else is not.
bool is_true(const Node* node);

// Local references: JSON pointers (RFC 6901) from the root. Refers to the document and the report. Not thread-safe.
class References {
 public:
  static constexpr unsigned kMostHops = 16;

  References(const Node& root, policy::Report& report) : root_(root), report_(report) {}

  // What `node` stands for: itself, or what its `$ref` leads to over at most kMostHops. nullptr: it leads nowhere, out
  // of the document or in a circle, which is reported.
  const Node* follow(const Node& node);
  // What one `$ref` names.
  const Node* target(const Node& reference);

 private:
  const Node* lookup(std::string_view pointer);
  const Node* member(const Node& node, const std::string& key);

  const Node& root_;
  policy::Report& report_;
  std::unordered_map<std::string, const Node*> known_;
  // Of large maps, so that many references into one do not cost their product.
  std::unordered_map<const Node*, std::unordered_map<std::string_view, const Node*>> indexes_;
};

}  // namespace tidegate::openapi
