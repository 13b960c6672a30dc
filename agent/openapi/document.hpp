// SPDX-License-Identifier: Apache-2.0
// An OpenAPI document: what of it the inspector judges by, and what people know its operations as.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/inspect/model/api_description.hpp"
#include "agent/policy/report.hpp"

namespace tidegate::openapi {

// The largest document that is read; its values and how deep they stand inside each other.
inline constexpr std::size_t kMostText = 8 << 20;
inline constexpr std::size_t kMostNodes = 1'000'000;
inline constexpr std::size_t kMostDepth = 64;

struct Operation {
  std::string name;    // its operationId, else "GET /users/{id}"
  std::string method;  // in capitals
  std::string path;    // the template, without the base paths of servers
  bool deprecated = false;
};

// Immutable once read.
struct Document {
  std::string file;                   // as it was opened; empty: not from a file
  std::string digest;                 // 16 hexadecimal digits over its text, to tell two of them apart; no protection
  std::vector<Operation> operations;  // ApiDescription::operations has the same order
  std::shared_ptr<const inspect::ApiDescription> api;
};

struct Reading {
  std::shared_ptr<const Document> document;  // null when there is an error
  std::vector<policy::Issue> issues;         // warnings are what is not judged; at most 100
};

// OpenAPI 3.0 or 3.1, YAML or JSON. The text is foreign: bounded as above, without anchors, aliases and tags, and no
// reference leads out of it. Takes time in proportion to the text.
Reading read_document(const std::string& text);

// What Document::digest is of this text.
std::string digest_of(const std::string& text);

}  // namespace tidegate::openapi
