// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/api/path_tree.hpp"

#include <algorithm>

namespace tidegate::inspect::api {
namespace {

bool is_literal(const ApiSegment& segment) {
  return segment.empty() || (segment.size() == 1 && !segment.front().literal.empty());
}

bool is_variable(const ApiSegment& segment) { return segment.size() == 1 && segment.front().literal.empty(); }

std::string text_of(const ApiSegment& segment) { return segment.empty() ? std::string() : segment.front().literal; }

// "." and ".." are not sent by anybody who means them, and no variable stands for them (RFC 3986, 5.2.4).
bool may_be_value(std::string_view segment) { return !segment.empty() && segment != "." && segment != ".."; }

}  // namespace

bool fits_pieces(const ApiSegment& pieces, std::string_view segment) {
  if (!may_be_value(segment)) return false;
  std::size_t at = 0;
  std::size_t wanted = 0;  // bytes that the variables since the last text take at least
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::string& literal = pieces[i].literal;
    if (literal.empty()) {
      ++wanted;
      continue;
    }
    if (at + wanted > segment.size()) return false;
    if (i + 1 == pieces.size()) {
      const bool fits = segment.size() >= at + wanted + literal.size() && segment.ends_with(literal);
      return fits && (wanted > 0 || segment.size() == at + literal.size());
    }
    const std::size_t found = wanted == 0 ? (segment.substr(at).starts_with(literal) ? at : segment.npos)
                                          : segment.find(literal, at + wanted);
    if (found == segment.npos) return false;
    at = found + literal.size();
    wanted = 0;
  }
  return wanted == 0 ? at == segment.size() : at + wanted <= segment.size();
}

std::string_view value_in(const ApiSegment& pieces, std::string_view segment) {
  std::size_t before = 0;
  std::size_t after = 0;
  std::size_t variables = 0;
  for (const ApiPiece& piece : pieces) {
    variables += piece.literal.empty();
    (variables == 0 ? before : after) += piece.literal.size();
  }
  if (variables != 1 || before + after > segment.size()) return {};
  return segment.substr(before, segment.size() - before - after);
}

PathTree::PathTree(const std::vector<ApiPath>& paths) {
  make_node();
  for (std::uint32_t i = 0; i < paths.size(); ++i) add(paths[i], i);
  for (Node& node : nodes_) std::ranges::sort(node.literals);
}

std::uint32_t PathTree::make_node() {
  nodes_.emplace_back();
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

void PathTree::add(const ApiPath& path, std::uint32_t index) {
  std::uint32_t at = 0;
  for (const ApiSegment& segment : path.segments) at = child(at, segment);
  nodes_[at].paths.push_back(index);
  depth_ = std::max(depth_, path.segments.size());
}

std::uint32_t PathTree::child(std::uint32_t parent, const ApiSegment& segment) {
  if (is_variable(segment)) {
    if (nodes_[parent].variable == 0) {
      const std::uint32_t made = make_node();
      nodes_[parent].variable = made;
    }
    return nodes_[parent].variable;
  }
  if (is_literal(segment)) {
    const std::string text = text_of(segment);
    for (const auto& [known, node] : nodes_[parent].literals) {
      if (known == text) return node;
    }
    const std::uint32_t made = make_node();
    nodes_[parent].literals.emplace_back(text, made);
    return made;
  }
  // Texts decide, not the names of variables: those only say which parameter a value belongs to.
  const auto alike = [&](const ApiSegment& other) {
    return std::ranges::equal(other, segment, {}, &ApiPiece::literal, &ApiPiece::literal);
  };
  for (const auto& [known, node] : nodes_[parent].mixed) {
    if (alike(known)) return node;
  }
  const std::uint32_t made = make_node();
  nodes_[parent].mixed.emplace_back(segment, made);
  return made;
}

PathTree::Found PathTree::find(std::span<const std::string_view> segments) const {
  Found found;
  if (segments.size() > depth_) return found;
  std::array<std::uint32_t, kMostAtOnce> states{};
  std::array<std::uint32_t, kMostAtOnce> next{};
  std::size_t count = 1;
  for (const std::string_view segment : segments) {
    std::size_t more = 0;
    const auto follow = [&](std::uint32_t node) {
      if (more < kMostAtOnce)
        next[more++] = node;
      else
        found.complete = false;
    };
    for (std::size_t i = 0; i < count; ++i) {
      const Node& node = nodes_[states[i]];
      const auto literal = std::ranges::lower_bound(node.literals, segment, {},
                                                    [](const auto& entry) { return std::string_view(entry.first); });
      if (literal != node.literals.end() && literal->first == segment) follow(literal->second);
      for (const auto& [pieces, mixed] : node.mixed) {
        if (fits_pieces(pieces, segment)) follow(mixed);
      }
      if (node.variable != 0 && may_be_value(segment)) follow(node.variable);
    }
    std::swap(states, next);
    count = more;
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::uint32_t path : nodes_[states[i]].paths) {
      if (found.count < kMostAtOnce)
        found.paths[found.count++] = path;
      else
        found.complete = false;
    }
  }
  return found;
}

}  // namespace tidegate::inspect::api
