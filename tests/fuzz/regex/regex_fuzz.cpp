// SPDX-License-Identifier: Apache-2.0
// Patterns as anybody may write them, on texts as any client may send them: options, the pattern up to the first NUL
// byte, the text. Compiling and matching end within their bounds; a glob takes what a plain reading of it takes; what
// is told of a pattern is true of what it matches.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "agent/behavior/text_pattern.hpp"
#include "agent/openapi/ecma_pattern.hpp"

namespace {

using tidegate::behavior::TextPattern;

void require(bool condition) {
  if (!condition) std::abort();
}

// `*` is anything, here.
bool plainly_matches(std::string_view glob, std::string_view text) {
  std::vector<bool> reached(text.size() + 1, false);  // how much of the text the glob so far may have taken
  reached[0] = true;
  for (const char c : glob) {
    std::vector<bool> next(text.size() + 1, false);
    if (c == '*') {
      std::fill(std::find(reached.begin(), reached.end(), true) - reached.begin() + next.begin(), next.end(), true);
    } else {
      for (std::size_t i = 0; i < text.size(); ++i) next[i + 1] = reached[i] && text[i] == c;
    }
    reached = std::move(next);
  }
  return reached.back();
}

void check_glob(const std::string& glob, const std::string& text) {
  const auto plain = TextPattern::compile({glob}, {}, {});
  if (plain) require((*plain)->matches(text) == plainly_matches(glob, text));
  const auto path = TextPattern::compile({glob}, {}, {.path = true});
  require(path.has_value() == plain.has_value());
  if (!path || !(*path)->matches(text)) return;
  if (const auto& words = (*path)->words()) require(std::ranges::find(*words, text) != words->end());
  const auto fits = [&](const auto& literal) {
    return literal.whole ? text == literal.text : text == literal.text || text.starts_with(literal.text + '/');
  };
  if (const auto& literals = (*path)->literals()) require(std::ranges::any_of(*literals, fits));
}

void check_regex(const std::string& regex, const std::string& text, bool cased) {
  const auto alone = TextPattern::compile({}, {regex}, {.cased = cased});
  if (!alone) return;
  const bool matches = (*alone)->matches(text);
  // A second pattern takes nothing away from the first.
  const auto both = TextPattern::compile({"never*this"}, {regex}, {.cased = cased});
  if (both && matches) require((*both)->matches(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t* const end = std::find(data + 1, data + size, std::uint8_t{0});
  const std::string pattern(data + 1, end);
  const std::string text(end == data + size ? end : end + 1, data + size);
  check_glob(pattern, text);
  check_regex(pattern, text, data[0] % 2 == 0);
  if (const auto translated = tidegate::openapi::re2_of(pattern)) check_regex(*translated, text, true);
  return 0;
}
