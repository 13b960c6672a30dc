// SPDX-License-Identifier: Apache-2.0
#include "agent/openapi/references.hpp"

#include <algorithm>
#include <charconv>

#include "agent/inspect/api/text.hpp"

namespace tidegate::openapi {
namespace {

constexpr std::size_t kSmall = 16;
constexpr std::size_t kLongestReference = 1024;

// One token of a pointer: %-escapes of the fragment undone, then ~1 and ~0 (RFC 6901, 4 and 6).
std::string token_of(std::string_view text) {
  std::string room(text.size(), '\0');
  const auto decoded = inspect::api::decode(text, inspect::api::Plus::kItself, room);
  std::string token;
  for (std::string_view left = decoded.value_or(text); !left.empty();) {
    const bool escape = left.starts_with("~0") || left.starts_with("~1");
    token += escape ? (left[1] == '0' ? '~' : '/') : left.front();
    left.remove_prefix(escape ? 2 : 1);
  }
  return token;
}

const Node* item(const Node& list, std::string_view token) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (error != std::errc() || end != token.data() + token.size() || index >= list.items.size()) return nullptr;
  return &list.items[index];
}

}  // namespace

const Node* find(const Node& node, std::string_view key) {
  const auto found =
      std::ranges::find(node.members, key, [](const config::Member& m) -> std::string_view { return m.key.text; });
  return found == node.members.end() ? nullptr : &found->value;
}

std::string_view text_at(const Node& node, std::string_view key) {
  const Node* value = find(node, key);
  return value != nullptr && value->is_scalar() ? std::string_view(value->text) : std::string_view();
}

bool is_true(const Node* node) { return node != nullptr && node->is_scalar() && node->text == "true"; }

const Node* References::member(const Node& node, const std::string& key) {
  if (node.is_sequence()) return item(node, key);
  if (node.members.size() <= kSmall) return find(node, key);
  auto& index = indexes_[&node];
  if (index.empty()) {
    for (const config::Member& entry : node.members) index.try_emplace(entry.key.text, &entry.value);
  }
  const auto found = index.find(key);
  return found == index.end() ? nullptr : found->second;
}

const Node* References::lookup(std::string_view pointer) {
  const Node* at = &root_;
  while (!pointer.empty() && at != nullptr) {
    pointer.remove_prefix(1);  // '/'
    const std::string_view token = pointer.substr(0, pointer.find('/'));
    at = member(*at, token_of(token));
    pointer.remove_prefix(token.size());
  }
  return at;
}

const Node* References::target(const Node& reference) {
  const std::string& text = reference.text;
  if (!reference.is_scalar() || text.empty() || text.size() > kLongestReference) {
    report_.error(reference.location, "$ref has to be a text such as \"#/components/schemas/Name\"");
    return nullptr;
  }
  if (const auto known = known_.find(text); known != known_.end()) return known->second;
  const Node* found = nullptr;
  if (!text.starts_with('#')) {
    report_.error(reference.location, "$ref " + policy::in_quotes(text) +
                                          " leads out of this file; only references within it are followed: bundle "
                                          "the description into one file");
  } else if (text.size() > 1 && text[1] != '/') {
    report_.error(reference.location,
                  "$ref " + policy::in_quotes(text) + " names an anchor; write it as a path such as #/components/…");
  } else {
    found = lookup(std::string_view(text).substr(1));
    if (found == nullptr) report_.error(reference.location, "$ref " + policy::in_quotes(text) + " leads to nothing");
  }
  known_.emplace(text, found);
  return found;
}

const Node* References::follow(const Node& node) {
  const Node* at = &node;
  for (unsigned hops = 0; at != nullptr; ++hops) {
    const Node* reference = find(*at, "$ref");
    if (reference == nullptr) return at;
    if (hops == kMostHops) {
      report_.error(reference->location, "$ref leads in a circle, or over more than 16 others");
      return nullptr;
    }
    at = target(*reference);
  }
  return nullptr;
}

}  // namespace tidegate::openapi
