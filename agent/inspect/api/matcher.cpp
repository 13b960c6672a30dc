// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/api/matcher.hpp"

#include <string.h>

#include <algorithm>

#include "agent/inspect/api/text.hpp"
#include "agent/inspect/model/summary.hpp"

namespace tidegate::inspect::api {
namespace {

std::string_view take_until(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(taken.size() + 1, text.size()));
  return taken;
}

// The separators of a list, as they may be sent.
std::span<const std::string_view> separators(ApiStyle style) {
  static constexpr std::string_view kComma[] = {","};
  static constexpr std::string_view kSpace[] = {"%20", "+"};
  static constexpr std::string_view kPipe[] = {"|", "%7C", "%7c"};
  if (style == ApiStyle::kSpace) return kSpace;
  if (style == ApiStyle::kPipe) return kPipe;
  return kComma;
}

std::string_view take_item(std::string_view& text, ApiStyle style) {
  std::size_t at = text.npos;
  std::size_t size = 0;
  for (const std::string_view separator : separators(style)) {
    const std::size_t found = text.find(separator);
    if (found >= at) continue;
    at = found;
    size = separator.size();
  }
  const std::string_view item = text.substr(0, at);
  text.remove_prefix(std::min(item.size() + size, text.size()));
  return item;
}

// Without the session that a servlet writes into the path (Servlet 6.0, 7.1.3): a cookie by other means.
std::string_view without_session(std::string_view segment) {
  constexpr std::string_view kParameter = ";jsessionid=";
  const auto alike = [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a + ('a' - 'A') == b); };
  const auto found = std::ranges::search(segment, kParameter, alike);
  if (found.empty()) return segment;
  return segment.substr(0, static_cast<std::size_t>(found.begin() - segment.begin()));
}

}  // namespace

Matcher::Matcher(const ApiDescription& description)
    : description_(description),
      patterns_(description.patterns),
      tree_(description.paths),
      judge_(description.schemas, patterns_) {
  for (const ApiOperation& operation : description_.operations) {
    Keys& keys = keys_.emplace_back();
    for (std::uint32_t i = 0; i < operation.query.size() && i < kMostQueryParameters; ++i) {
      const ApiParameter& parameter = description_.parameters[operation.query[i] - 1];
      if (parameter.style == ApiStyle::kPrefix) keys.prefixes.push_back(i);
      keys.exact.try_emplace(parameter.name, i);
    }
  }
}

void Matcher::wipe() {
  ::explicit_bzero(path_room_.data(), path_room_.size());
  ::explicit_bzero(value_room_.data(), value_room_.size());
}

// False: it has more segments than any template.
bool Matcher::split(std::string_view path, std::size_t& count) {
  std::span<char> room(path_room_);
  if (path.starts_with('/')) path.remove_prefix(1);
  for (count = 0;; ++count) {
    if (count == std::min(tree_.depth(), kMostSegments)) return false;
    const std::size_t slash = path.find('/');
    const auto segment = decode(without_session(path.substr(0, slash)), Plus::kItself, room);
    if (!segment) return false;  // cannot be: the room is that of the longest path
    segments_[count] = *segment;
    if (segment->data() == room.data()) room = room.subspan(segment->size());
    if (slash == path.npos) break;
    path.remove_prefix(slash + 1);
  }
  ++count;
  return true;
}

Verdict Matcher::judge(std::string_view method, std::string_view path, std::string_view query) {
  if (path.size() > kLongestJudgedPath || !path.starts_with('/')) return {};
  std::size_t count = 0;
  Verdict verdict{0, kApiUnknownPath};
  if (split(path, count)) {
    const auto segments = std::span<const std::string_view>(segments_).first(count);
    verdict = best(tree_.find(segments), method, segments);
  }
  if (verdict.operation != 0) verdict.facts |= judge_query(verdict.operation, query);
  wipe();
  return verdict;
}

std::uint32_t Matcher::operation_of(const ApiPath& path, std::string_view method) const {
  std::uint32_t get = 0;
  for (const std::uint32_t index : path.operations) {
    const std::string& known = description_.operations[index - 1].method;
    if (known == method) return index;
    if (known == "GET") get = index;
  }
  return method == "HEAD" ? get : 0;
}

// Of several templates that fit, the first one with this method whose parameters fit; else the first one with it.
Verdict Matcher::best(const PathTree::Found& found, std::string_view method,
                      std::span<const std::string_view> segments) {
  Verdict verdict;
  for (std::size_t i = 0; i < found.count; ++i) {
    const ApiPath& path = description_.paths[found.paths[i]];
    const std::uint32_t index = operation_of(path, method);
    if (index == 0) continue;
    const ApiOperation& operation = description_.operations[index - 1];
    const bool fits = path_fits(path, operation, segments);
    if (fits || verdict.operation == 0) verdict = {static_cast<std::uint16_t>(index), 0};
    if (!fits) verdict.facts |= kApiInvalidPath;
    if (fits) break;
  }
  if (!found.complete && (verdict.operation == 0 || verdict.facts != 0)) return {};
  if (verdict.operation == 0) {
    if (found.count == 0) return {0, kApiUnknownPath};
    return {0, method == "OPTIONS" ? std::uint8_t{0} : std::uint8_t{kApiWrongMethod}};
  }
  if (description_.operations[verdict.operation - 1U].deprecated) verdict.facts |= kApiDeprecated;
  return verdict;
}

bool Matcher::path_fits(const ApiPath& path, const ApiOperation& operation,
                        std::span<const std::string_view> segments) {
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (!segment_fits(path.segments[i], operation, segments[i])) return false;
  }
  return true;
}

bool Matcher::segment_fits(const ApiSegment& pieces, const ApiOperation& operation, std::string_view segment) {
  const auto variable = std::ranges::find_if(pieces, [](const ApiPiece& piece) { return piece.literal.empty(); });
  if (variable == pieces.end() || variable->variable == 0 || variable->variable > operation.path.size()) return true;
  const std::uint32_t index = operation.path[variable->variable - 1];
  if (index == 0) return true;
  const std::string_view value = value_in(pieces, segment);
  if (value.data() == nullptr || value.size() > kLongestJudgedValue) return true;
  const ApiParameter& parameter = description_.parameters[index - 1];
  if (parameter.style == ApiStyle::kScalar) return judge_.judge(parameter.schema, value) != Judgement::kViolates;
  if (parameter.style != ApiStyle::kComma || parameter.schema == 0) return true;
  // A comma that was escaped can no longer be told from one that was not: the items are judged where there is none.
  const ApiSchema& list = description_.schemas[parameter.schema - 1];
  return value.find(',') != value.npos || judge_.judge(list.items, value) != Judgement::kViolates;
}

struct Matcher::Query {
  const ApiOperation& operation;
  const Keys& keys;
  std::uint8_t facts = 0;
  std::bitset<kMostQueryParameters> seen{};
  std::bitset<kMostQueryParameters> counted{};  // of lists: how many items it has can be said
  std::array<std::uint32_t, kMostQueryParameters> items{};
};

bool Matcher::declares_everywhere(std::string_view key) const {
  return std::ranges::find(description_.query_keys, key) != description_.query_keys.end();
}

void Matcher::judge_pair(Query& state, const Pair& pair) {
  const auto key = decode(pair.key, Plus::kSpace, key_room_);
  const auto found = key ? state.keys.exact.find(*key) : state.keys.exact.end();
  if (found == state.keys.exact.end()) {
    const bool declared = state.operation.any_query || (key && declares_everywhere(*key)) ||
                          (key && std::ranges::any_of(state.keys.prefixes, [&](std::uint32_t index) {
                             const std::string& name = description_.parameters[state.operation.query[index] - 1].name;
                             return key->size() > name.size() && key->starts_with(name) && (*key)[name.size()] == '[';
                           }));
    if (!declared) state.facts |= kApiUndeclaredQuery;
    return;
  }
  const std::uint32_t index = found->second;
  const ApiParameter& parameter = description_.parameters[state.operation.query[index] - 1];
  if (!state.seen[index]) state.counted.set(index, parameter.style == ApiStyle::kRepeated && parameter.schema != 0);
  state.seen.set(index);
  ++state.items[index];
  // An empty list and a list of one empty text look the same.
  if (pair.value.empty() && parameter.style == ApiStyle::kRepeated) {
    state.counted.reset(index);
  } else if (!value_fits(parameter, pair.value)) {
    state.facts |= kApiInvalidQuery;
  }
}

std::uint8_t Matcher::judge_query(std::uint32_t operation, std::string_view query) {
  Query state{description_.operations[operation - 1], keys_[operation - 1]};
  for (std::size_t pairs = 0; !query.empty(); ++pairs) {
    if (pairs == kMostJudgedPairs) return state.facts;
    const std::string_view item = take_until(query, '&');
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    const std::string_view value = equals == item.npos ? std::string_view() : item.substr(equals + 1);
    judge_pair(state, {item.substr(0, equals), value});
  }
  for (std::uint32_t i = 0; i < state.operation.query.size() && i < kMostQueryParameters; ++i) {
    if (!is_complete(state, i)) state.facts |= kApiInvalidQuery;
  }
  return state.facts;
}

// Whether a parameter is there when it has to be, and as a list is neither too short nor too long.
bool Matcher::is_complete(const Query& state, std::uint32_t index) const {
  const ApiParameter& parameter = description_.parameters[state.operation.query[index] - 1];
  if (!state.seen[index]) {
    return !parameter.required || parameter.style == ApiStyle::kPrefix || parameter.style == ApiStyle::kUnjudged;
  }
  if (!state.counted[index]) return true;
  const ApiSchema& list = description_.schemas[parameter.schema - 1];
  return state.items[index] >= list.fewest && state.items[index] <= list.fullest;
}

bool Matcher::value_fits(const ApiParameter& parameter, std::string_view raw) {
  if (parameter.schema == 0 || (raw.empty() && parameter.may_be_empty)) return true;
  switch (parameter.style) {
    case ApiStyle::kScalar:
      return scalar_fits(parameter.schema, raw);
    case ApiStyle::kRepeated:
      return scalar_fits(description_.schemas[parameter.schema - 1].items, raw);
    case ApiStyle::kComma:
    case ApiStyle::kSpace:
    case ApiStyle::kPipe:
      return list_fits(parameter, raw);
    case ApiStyle::kUnjudged:
    case ApiStyle::kPrefix:
      break;
  }
  return true;
}

// An empty list and one empty text look the same.
bool Matcher::list_fits(const ApiParameter& parameter, std::string_view raw) {
  const ApiSchema& list = description_.schemas[parameter.schema - 1];
  if (raw.empty() || raw.size() > kLongestJudgedValue) return true;
  std::uint32_t items = 0;
  for (bool more = true; more; ++items) {
    const std::string_view before = raw;
    const std::string_view item = take_item(raw, parameter.style);
    more = item.size() < before.size();
    if (!scalar_fits(list.items, item)) return false;
  }
  return items >= list.fewest && items <= list.fullest;
}

// "+" is a space to those who write forms and itself to those who write URIs: only what fits neither violates.
bool Matcher::scalar_fits(std::uint32_t schema, std::string_view raw) {
  if (schema == 0) return true;
  for (const Plus plus : {Plus::kSpace, Plus::kItself}) {
    const auto value = decode(raw, plus, value_room_);
    if (!value || judge_.judge(schema, *value) != Judgement::kViolates) return true;
    if (raw.find('+') == raw.npos) return false;
  }
  return false;
}

}  // namespace tidegate::inspect::api
