// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/behavior/match.hpp"

namespace tidegate::behavior {
namespace {

using Words = std::vector<std::string>;

// Which of two lists of alternatives is the sharper one: exact before prefixes, long prefixes before short ones.
std::size_t sharpness(const std::vector<Literal>& literals) {
  std::size_t least = SIZE_MAX;
  for (const Literal& literal : literals) {
    least = std::min(least, literal.whole ? SIZE_MAX : literal.text.size());
  }
  return least;
}

void narrow(std::optional<std::vector<Literal>>& into, const std::optional<std::vector<Literal>>& other) {
  if (!other) return;
  if (!into || sharpness(*other) > sharpness(*into)) into = other;
}

void narrow(std::optional<Words>& into, const std::optional<Words>& other) {
  if (!other) return;
  if (!into) {
    into = other;
    return;
  }
  std::erase_if(*into,
                [&](const std::string& word) { return std::find(other->begin(), other->end(), word) == other->end(); });
}

void narrow(std::optional<StatusSet>& into, const std::optional<StatusSet>& other) {
  if (!other) return;
  into = into ? *into & *other : *other;
}

template <typename T>
void widen(std::optional<std::vector<T>>& into, const std::optional<std::vector<T>>& other) {
  if (into && other) {
    into->insert(into->end(), other->begin(), other->end());
  } else {
    into.reset();
  }
}

void widen(Needs& into, const Needs& other) {
  into.kinds |= other.kinds;
  widen(into.paths, other.paths);
  widen(into.templates, other.templates);
  widen(into.methods, other.methods);
  if (into.statuses && other.statuses) {
    *into.statuses |= *other.statuses;
  } else {
    into.statuses.reset();
  }
}

// The kinds of summaries that have what a test asks for. Of a handshake nothing is known but its connection and its
// time; what stalls has no response, and what is not taken no end of it.
KindSet kinds_of(const FieldTest& test) {
  constexpr auto kAsking = static_cast<KindSet>(kAllKinds & ~kHandshakeOnly);
  constexpr KindSet kAnswered = kRequestOnly | kPayloadOnly;
  switch (test.field) {
    case Field::kEvent:
      return std::get<VersionTest>(test.test).versions;
    case Field::kSni:
    case Field::kJa4:
    case Field::kTls:
    case Field::kDuration:
      return kAllKinds;
    case Field::kAttack:
      return kPayloadOnly;
    case Field::kStatus:
      return std::get<StatusTest>(test.test).statuses[0] ? kAllKinds : kAnswered | kUnreadOnly;
    case Field::kGrpcStatus:
      return kAnswered;
    default:
      break;
  }
  const auto* text = std::get_if<TextTest>(&test.test);
  return text != nullptr && !text->pattern && text->missing == true ? kAllKinds : kAsking;
}

Needs needs_of(const FieldTest& test) {
  Needs needs;
  needs.kinds = kinds_of(test);
  if (const auto* status = std::get_if<StatusTest>(&test.test)) needs.statuses = status->statuses;
  const auto* text = std::get_if<TextTest>(&test.test);
  if (text == nullptr || !text->pattern) return needs;
  if (test.field == Field::kMethod) needs.methods = text->pattern->words();
  if (test.field == Field::kPath) needs.paths = text->pattern->literals();
  if (test.field == Field::kTemplate) needs.templates = text->pattern->words();
  return needs;
}

// What is left where a match does not hold that is about the status or the event alone.
Needs rest_of(const Match& match) {
  Needs rest;
  if (match.tests.size() != 1 || !match.all.empty() || !match.any.empty() || !match.none.empty()) return rest;
  const FieldTest& test = match.tests.front();
  if (const auto* status = std::get_if<StatusTest>(&test.test)) rest.statuses = ~status->statuses;
  if (test.field == Field::kEvent) rest.kinds &= static_cast<KindSet>(~std::get<VersionTest>(test.test).versions);
  return rest;
}

}  // namespace

Needs both(Needs a, const Needs& b) {
  narrow(a.paths, b.paths);
  narrow(a.templates, b.templates);
  narrow(a.methods, b.methods);
  narrow(a.statuses, b.statuses);
  a.kinds &= b.kinds;
  return a;
}

Needs needs_of(const Match& match) {
  Needs needs;
  for (const FieldTest& test : match.tests) needs = both(std::move(needs), needs_of(test));
  for (const Match& inside : match.all) needs = both(std::move(needs), needs_of(inside));
  std::optional<Needs> any;
  for (const Match& inside : match.any) {
    const Needs one = needs_of(inside);
    if (one.impossible()) continue;
    if (any) widen(*any, one);
    if (!any) any = one;
  }
  if (any) needs = both(std::move(needs), *any);
  if (!any && !match.any.empty()) needs.statuses = StatusSet{};  // every alternative is impossible
  for (const Match& inside : match.none) needs = both(std::move(needs), rest_of(inside));
  return needs;
}

}  // namespace tidegate::behavior
