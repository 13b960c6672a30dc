// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/text_pattern.hpp"

#include <re2/re2.h>

#include <algorithm>

namespace tidegate::behavior {
namespace {

// Of one matcher: both directions of its automaton and their caches. RE2 falls back to slower, still linear ways.
constexpr std::int64_t kMostMemory = 1 << 19;

bool is_word(std::string_view glob) { return glob.find('*') == glob.npos; }

RE2::Options options_of(TextPattern::Options from) {
  RE2::Options options(RE2::Latin1);  // bytes: what a peer sends need not be UTF-8
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_dot_nl(true);
  options.set_case_sensitive(from.cased);
  options.set_max_mem(kMostMemory);
  return options;
}

// The glob as an expression for the whole text.
std::string expression_of(std::string_view glob, bool path) {
  std::string tail;
  if (path && glob.ends_with("/**") && glob.size() > 3) {
    glob.remove_suffix(3);
    tail = "(?:/.*)?";
  }
  std::string text = "\\A";
  while (!glob.empty()) {
    const std::size_t star = std::min(glob.find('*'), glob.size());
    text += RE2::QuoteMeta(re2::StringPiece(glob.data(), star));
    glob.remove_prefix(star);
    const std::size_t stars = std::min(glob.find_first_not_of('*'), glob.size());
    glob.remove_prefix(stars);
    if (path && stars > 1 && text.ends_with('/') && glob.starts_with('/')) {
      text += "(?:.*/)?";  // `/**/x` is `/x` as well
      glob.remove_prefix(1);
    } else if (stars != 0) {
      text += path && stars == 1 ? "[^/]*" : ".*";
    }
  }
  return text + tail + "\\z";
}

// The segments before the first star, as far as they are whole.
Literal literal_of(const std::string& glob) {
  const std::size_t star = glob.find('*');
  if (star == glob.npos) return {glob, true};
  const std::size_t slash = glob.rfind('/', star);
  return {slash == glob.npos ? std::string{} : glob.substr(0, slash), false};
}

}  // namespace

TextPattern::~TextPattern() = default;

Result<std::shared_ptr<const TextPattern>> TextPattern::compile(const std::vector<std::string>& globs,
                                                                const std::vector<std::string>& regexes,
                                                                Options options) {
  if (globs.size() + regexes.size() > kMostPatterns)
    return fail(ErrorCode::kInvalidArgument, "more than " + std::to_string(kMostPatterns) + " patterns");
  std::shared_ptr<TextPattern> pattern(new TextPattern);
  std::string expression;
  for (const std::string& glob : globs) TIDEGATE_TRY(pattern->add_glob(glob, options, expression));
  for (const std::string& regex : regexes) {
    if (regex.size() > kLongestPattern)
      return fail(ErrorCode::kInvalidArgument,
                  "the expression is longer than " + std::to_string(kLongestPattern) + " bytes");
    const RE2 alone(regex, options_of(options));
    if (!alone.ok()) return fail(ErrorCode::kInvalidArgument, "no expression of RE2: " + alone.error());
    expression += (expression.empty() ? "(?:" : "|(?:") + regex + ")";
  }
  std::sort(pattern->exact_.begin(), pattern->exact_.end());
  if (!expression.empty()) TIDEGATE_TRY(pattern->build(expression, options));
  pattern->derive(globs, !regexes.empty(), options);
  return std::shared_ptr<const TextPattern>(std::move(pattern));
}

Status TextPattern::add_glob(const std::string& glob, Options options, std::string& expression) {
  if (glob.size() > kLongestPattern)
    return fail(ErrorCode::kInvalidArgument,
                "the pattern is longer than " + std::to_string(kLongestPattern) + " bytes");
  if (is_word(glob) && options.cased) {
    exact_.push_back(glob);
  } else {
    expression += (expression.empty() ? "(?:" : "|(?:") + expression_of(glob, options.path) + ")";
  }
  return {};
}

Status TextPattern::build(const std::string& expression, Options options) {
  anywhere_ = std::make_unique<re2::RE2>(expression, options_of(options));
  if (anywhere_->ok()) return {};
  return fail(ErrorCode::kInvalidArgument, "the patterns need too much memory together: " + anywhere_->error());
}

void TextPattern::derive(const std::vector<std::string>& globs, bool has_regexes, Options options) {
  if (has_regexes || globs.empty()) return;
  if (std::all_of(globs.begin(), globs.end(), is_word)) words_ = globs;
  if (!options.path || !options.cased) return;
  std::vector<Literal> literals;
  for (const std::string& glob : globs) {
    literals.push_back(literal_of(glob));
    if (literals.back().text.empty()) return;
  }
  literals_ = std::move(literals);
}

bool TextPattern::matches(std::string_view text) const {
  if (!exact_.empty() && std::binary_search(exact_.begin(), exact_.end(), text)) return true;
  return anywhere_ && RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *anywhere_);
}

}  // namespace tidegate::behavior
