// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/config/document.hpp"

namespace tidegate::config {
namespace {

bool is_word(const std::string& text) {
  constexpr std::string_view kSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./*";
  return !text.empty() && text.find_first_not_of(kSafe) == text.npos;
}

std::string scalar(const Node& node) {
  if (is_word(node.text)) return node.text;
  std::string result = "\"";
  for (const char c : node.text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

template <typename Range, typename Write>
std::string joined(const Range& range, Write write) {
  std::string result;
  for (const auto& item : range) result += (result.empty() ? "" : ", ") + write(item);
  return result;
}

}  // namespace

std::string canonical(const Node& node) {
  switch (node.kind) {
    case NodeKind::kNull:
      return "null";
    case NodeKind::kScalar:
      return scalar(node);
    case NodeKind::kSequence:
      return "[" + joined(node.items, canonical) + "]";
    case NodeKind::kMap: {
      std::vector<std::string> members;
      for (const auto& [key, value] : node.members) members.push_back(scalar(key) + ": " + canonical(value));
      std::sort(members.begin(), members.end());
      return "{" + joined(members, [](const std::string& member) { return member; }) + "}";
    }
  }
  return {};
}

}  // namespace tidegate::config
