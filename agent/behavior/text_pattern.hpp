// SPDX-License-Identifier: Apache-2.0
// Globs and regular expressions over what a peer sent, in linear time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/error.hpp"

namespace re2 {
class RE2;
}

namespace tidegate::behavior {

inline constexpr std::size_t kLongestPattern = 1024;
inline constexpr std::size_t kMostPatterns = 256;  // of one matcher

// What a text has to begin with, or be, for a pattern to match it.
struct Literal {
  std::string text;
  bool whole = false;  // the text is this; otherwise it is this or begins with it and '/'
  friend bool operator==(const Literal&, const Literal&) = default;
};

// Matches a text that fits any of its patterns. Immutable and thread-safe. Regular expressions are RE2's: linear in the
// text, and bounded in memory; they match anywhere in it unless anchored.
class TextPattern {
 public:
  struct Options {
    bool path = false;  // `*` stops at '/', `/a/**` is `/a` as well, and `/**/a` is `/a`
    bool cased = true;
  };

  // kInvalidArgument: a regular expression that RE2 does not accept or that needs too much memory, or too many or too
  // long patterns.
  static Result<std::shared_ptr<const TextPattern>> compile(const std::vector<std::string>& globs,
                                                            const std::vector<std::string>& regexes, Options options);
  ~TextPattern();

  bool matches(std::string_view text) const;

  // For every pattern what a text needs to match it; nothing when a pattern has no such need. Only of cased paths.
  const std::optional<std::vector<Literal>>& literals() const { return literals_; }
  // The patterns are words, and these are all of them: no other text matches.
  const std::optional<std::vector<std::string>>& words() const { return words_; }

 private:
  TextPattern() = default;
  Status add_glob(const std::string& glob, Options options, std::string& expression);
  Status build(const std::string& expression, Options options);
  void derive(const std::vector<std::string>& globs, bool has_regexes, Options options);

  std::vector<std::string> exact_;      // sorted; cased only
  std::unique_ptr<re2::RE2> anywhere_;  // all other patterns as one expression
  std::optional<std::vector<Literal>> literals_;
  std::optional<std::vector<std::string>> words_;
};

}  // namespace tidegate::behavior
