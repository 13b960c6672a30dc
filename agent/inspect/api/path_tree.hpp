// SPDX-License-Identifier: Apache-2.0
// Which path templates a path fits.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/inspect/model/api_description.hpp"

namespace tidegate::inspect::api {

// The templates of a description by their segments, concrete ones before templated ones (OpenAPI 3, "Path Templating
// Matching"). Immutable; thread-safe. A path costs its segments times the templates that still fit, at most
// kMostAtOnce.
class PathTree {
 public:
  static constexpr std::size_t kMostAtOnce = 64;

  explicit PathTree(const std::vector<ApiPath>& paths);

  struct Found {
    std::array<std::uint32_t, kMostAtOnce> paths{};  // indexes into the description's, best first
    std::size_t count = 0;
    bool complete = true;  // false: more fit at once than are followed
  };
  // `segments` are decoded, without what is before the first slash.
  Found find(std::span<const std::string_view> segments) const;

  // The longest template.
  std::size_t depth() const { return depth_; }

 private:
  struct Node {
    std::vector<std::pair<std::string, std::uint32_t>> literals;  // sorted
    std::vector<std::pair<ApiSegment, std::uint32_t>> mixed;      // texts and variables
    std::uint32_t variable = 0;                                   // any text but none; 0: no such child
    std::vector<std::uint32_t> paths;                             // that end here
  };

  void add(const ApiPath& path, std::uint32_t index);
  std::uint32_t child(std::uint32_t parent, const ApiSegment& segment);
  std::uint32_t make_node();

  std::vector<Node> nodes_;
  std::size_t depth_ = 0;
};

// Whether a segment fits texts with variables of at least one byte between.
bool fits_pieces(const ApiSegment& pieces, std::string_view segment);

// What the only variable of a segment stands for; none, as an empty view without data: there are several.
std::string_view value_in(const ApiSegment& pieces, std::string_view segment);

}  // namespace tidegate::inspect::api
