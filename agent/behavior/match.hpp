// SPDX-License-Identifier: Apache-2.0
// Which requests a rule is about.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/behavior/fields.hpp"
#include "agent/behavior/text_pattern.hpp"
#include "agent/inspect/model/summary.hpp"

namespace tidegate::behavior {

inline constexpr unsigned kDeepestMatch = 8;          // any, all and not inside each other
inline constexpr std::size_t kMostTestsOfRule = 256;  // single matchers of one rule

// Statuses by number; 0: no response was seen.
inline constexpr std::size_t kStatuses = 600;
using StatusSet = std::bitset<kStatuses>;

// By service; in the order of Summary::api_operation, which counts from 1.
using OperationNames = std::map<std::string, std::vector<std::string>, std::less<>>;

// Of the summary's service; "": it has none, or no name is known.
std::string_view operation_name(const OperationNames& names, const inspect::Summary& summary);

struct TextTest {
  std::shared_ptr<const TextPattern> pattern;                  // none: only `missing`
  std::optional<bool> missing;                                 // true: the value is empty; false: it is not
  std::shared_ptr<const OperationNames> operations = nullptr;  // of Field::kOperation; none: no request has a name
};
struct StatusTest {
  StatusSet statuses;
};
// Sizes in bytes, durations in nanoseconds. All that is there has to hold.
struct NumberTest {
  std::vector<std::uint64_t> values;  // any of them; empty: every one
  std::optional<std::uint64_t> over;
  std::optional<std::uint64_t> under;
};
// Versions of TLS or HTTP, kinds of summaries, or false and true: a bit each.
struct VersionTest {
  std::uint8_t versions = 0;
};
// Bits of a field of flags; one of them has to be there.
struct FlagTest {
  std::uint8_t flags = 0;
};

struct FieldTest {
  Field field{};
  std::variant<TextTest, StatusTest, NumberTest, VersionTest, FlagTest> test;
};

// Holds when every test, every one of `all`, at least one of `any` (when there are some) and none of `none` holds. The
// empty match holds always. Nested at most kDeepestMatch deep.
struct Match {
  std::vector<FieldTest> tests;
  std::vector<Match> all;
  std::vector<Match> any;
  std::vector<Match> none;

  bool empty() const { return tests.empty() && all.empty() && any.empty() && none.empty(); }
};

bool matches(const Match& match, const inspect::Summary& summary);

// What the operations of API descriptions are called, for all tests of them in a match.
void name_operations(Match& match, const std::shared_ptr<const OperationNames>& names);

// Whether nothing fulfils the match but a request to a service with an API description.
bool needs_description(const Match& match);

// Whether the match asks for something of this field, other than its absence.
bool mentions(const Match& match, Field field);
// Likewise, or for its absence.
bool names(const Match& match, Field field);

// The authority without its port.
std::string_view host_of(std::string_view authority);

// Kinds of summaries, a bit each.
using KindSet = std::uint8_t;
constexpr KindSet bit_of(inspect::SummaryKind kind) { return static_cast<KindSet>(1U << static_cast<unsigned>(kind)); }
inline constexpr KindSet kRequestOnly = bit_of(inspect::SummaryKind::kRequest);
inline constexpr KindSet kHandshakeOnly = bit_of(inspect::SummaryKind::kHandshake);
inline constexpr KindSet kStalledOnly = bit_of(inspect::SummaryKind::kStalled);
inline constexpr KindSet kUnreadOnly = bit_of(inspect::SummaryKind::kUnread);
inline constexpr KindSet kPayloadOnly = bit_of(inspect::SummaryKind::kPayload);
inline constexpr KindSet kAllKinds = 31;
// What `event` tells apart.
inline constexpr KindSet kEvents = kRequestOnly | kHandshakeOnly | kStalledOnly | kUnreadOnly;

// What every summary that a match takes fulfils: what rules are found by, and what shows that one can never fire.
struct Needs {
  std::optional<std::vector<Literal>> paths;          // one of them
  std::optional<std::vector<std::string>> templates;  // likewise
  std::optional<std::vector<std::string>> methods;    // likewise; empty: no request matches
  std::optional<StatusSet> statuses;                  // likewise
  KindSet kinds = kAllKinds;                          // likewise

  bool impossible() const { return (methods && methods->empty()) || (statuses && statuses->none()) || kinds == 0; }
};

Needs needs_of(const Match& match);
// What both take.
Needs both(Needs a, const Needs& b);

}  // namespace tidegate::behavior
