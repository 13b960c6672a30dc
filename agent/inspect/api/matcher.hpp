// SPDX-License-Identifier: Apache-2.0
// A request held against its service's API description.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/inspect/api/judgement.hpp"
#include "agent/inspect/api/path_tree.hpp"
#include "agent/inspect/model/api_description.hpp"

namespace tidegate::inspect::api {

// Longer paths are not judged, and longer values neither.
inline constexpr std::size_t kLongestJudgedPath = 2048;
inline constexpr std::size_t kLongestJudgedValue = 1024;
inline constexpr std::size_t kMostJudgedPairs = 256;  // of a query; further ones are not looked at

struct Verdict {
  std::uint16_t operation = 0;  // from 1; 0: none
  std::uint8_t facts = 0;       // of ApiFact

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// Values are decoded into memory of its own, which is wiped after each request. Allocates nothing per request but what
// RE2 caches. Not thread-safe.
class Matcher {
 public:
  explicit Matcher(const ApiDescription& description);

  // `path` and `query` as sent, the query without "?". OPTIONS that is not described and HEAD where there is GET are
  // nothing wrong: servers answer them by themselves.
  Verdict judge(std::string_view method, std::string_view path, std::string_view query);

 private:
  struct Pair {
    std::string_view key;  // as sent
    std::string_view value;
  };
  using Segments = std::array<std::string_view, kMostSegments>;
  struct Query;

  // By key; indexes into an operation's query parameters.
  struct Keys {
    std::unordered_map<std::string_view, std::uint32_t> exact;
    std::vector<std::uint32_t> prefixes;
  };

  bool split(std::string_view path, std::size_t& count);
  std::uint32_t operation_of(const ApiPath& path, std::string_view method) const;
  bool path_fits(const ApiPath& path, const ApiOperation& operation, std::span<const std::string_view> segments);
  bool segment_fits(const ApiSegment& pieces, const ApiOperation& operation, std::string_view segment);
  Verdict best(const PathTree::Found& found, std::string_view method, std::span<const std::string_view> segments);
  std::uint8_t judge_query(std::uint32_t operation, std::string_view query);
  void judge_pair(Query& state, const Pair& pair);
  bool declares_everywhere(std::string_view key) const;
  bool is_complete(const Query& state, std::uint32_t index) const;
  bool value_fits(const ApiParameter& parameter, std::string_view raw);
  bool list_fits(const ApiParameter& parameter, std::string_view raw);
  bool scalar_fits(std::uint32_t schema, std::string_view raw);
  void wipe();

  const ApiDescription& description_;
  Patterns patterns_;
  PathTree tree_;
  std::vector<Keys> keys_;  // by operation
  ValueJudge judge_;
  std::array<char, kLongestJudgedPath> path_room_{};
  std::array<char, kLongestJudgedValue> value_room_{};
  std::array<char, kLongestApiText> key_room_{};
  Segments segments_{};
};

}  // namespace tidegate::inspect::api
