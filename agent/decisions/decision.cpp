// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/decision.hpp"

namespace tidegate::decisions {
namespace {

std::unexpected<Error> bad_decision(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

// The code point at `at`, which moves behind it; nothing: not UTF-8 (RFC 3629: no overlong form, no surrogate).
std::optional<std::uint32_t> next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) return ++at, lead;
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + size > text.size()) return std::nullopt;
  std::uint32_t point = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return std::nullopt;
    point = point << 6 | (byte(at + i) & 0x3fU);
  }
  constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < smallest[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return std::nullopt;
  at += size;
  return point;
}

// What could change how a terminal or a log shows the text around it: C0, DEL, C1, line and paragraph separators,
// direction overrides.
bool is_control(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069);
}

}  // namespace

std::string_view to_string(Action action) {
  switch (action) {
    case Action::kLimit:
      return "limit";
    case Action::kMonitor:
      return "monitor";
    case Action::kBlock:
      break;
  }
  return "block";
}

Result<Action> parse_action(std::string_view text) {
  for (const Action action : {Action::kBlock, Action::kLimit, Action::kMonitor}) {
    if (text == to_string(action)) return action;
  }
  return bad_decision("an action is block, limit or monitor");
}

Status check_text(std::string_view what, std::string_view text, std::size_t most) {
  const std::string name(what);
  if (text.size() > most) return bad_decision(name + " is longer than " + std::to_string(most) + " bytes");
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] >= 0x20 && text[at] < 0x7f) {
      ++at;
      continue;
    }
    const auto point = next_code_point(text, at);
    if (!point) return bad_decision(name + " is not UTF-8 at byte " + std::to_string(at + 1));
    if (is_control(*point))
      return bad_decision(name + " has a control character before byte " + std::to_string(at + 1));
  }
  return {};
}

std::string printable(std::string_view text) {
  std::string shown;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const auto point = next_code_point(text, at);
    if (!point) at = begin + 1;
    if (point && !is_control(*point)) {
      shown += text.substr(begin, at - begin);
    } else {
      shown += '?';
    }
  }
  return shown;
}

Status validate(const NewDecision& decision) {
  if (decision.origin.empty()) return bad_decision("a decision needs an origin");
  TIDEGATE_TRY(check_text("origin", decision.origin, kMostNameBytes));
  TIDEGATE_TRY(check_text("reason", decision.reason, kMostReasonBytes));
  TIDEGATE_TRY(check_text("actor", decision.actor, kMostNameBytes));
  const bool has_rate = decision.limit.packets || decision.limit.bytes;
  if (decision.action == Action::kLimit && !has_rate)
    return bad_decision("a limit needs packets or bytes, such as 100/s");
  if (decision.action != Action::kLimit && has_rate) return bad_decision("only a limit has packets or bytes");
  return {};
}

}  // namespace tidegate::decisions
