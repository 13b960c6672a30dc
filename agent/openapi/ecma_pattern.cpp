// SPDX-License-Identifier: Apache-2.0
#include "agent/openapi/ecma_pattern.hpp"

#include <algorithm>

namespace tidegate::openapi {
namespace {

// WhiteSpace and LineTerminator of ECMA-262: more than \s of RE2.
constexpr std::string_view kSpaces =
    "\\t\\n\\v\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}";
constexpr std::string_view kAlike = "dDwWtrnfv";           // escapes that mean the same to both
constexpr std::string_view kSyntax = "^$\\.*+?()[]{}|/-";  // characters that may be escaped to stand for themselves
constexpr std::string_view kNotLineEnd = "[^\\n\\r\\x{2028}\\x{2029}]";

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

class Translator {
 public:
  explicit Translator(std::string_view pattern) : left_(pattern) {}

  std::optional<std::string> run() {
    while (!left_.empty() && fits_) step();
    if (!fits_ || in_class_) return std::nullopt;
    return std::move(out_);
  }

 private:
  bool starts(std::string_view text) const { return left_.starts_with(text); }
  void take(std::size_t size, std::string_view as) {
    out_ += as;
    left_.remove_prefix(size);
  }
  void copy() { take(1, left_.substr(0, 1)); }
  void give_up() { fits_ = false; }

  void step() {
    if (starts("\\")) return escape();
    if (in_class_) return class_member();
    if (starts("(?")) return group();
    if (starts("[]") || starts("[^]")) return give_up();  // nothing, and anything: to RE2 the bracket is a member
    if (starts("[")) in_class_ = true;
    if (starts("[^")) return take(2, "[^");
    if (starts(".")) return take(1, kNotLineEnd);
    copy();
  }

  void class_member() {
    if (starts("[")) return take(1, "\\[");  // to RE2 it might begin a class of POSIX
    if (starts("]")) in_class_ = false;
    copy();
  }

  void group() {
    if (starts("(?:")) return take(3, "(?:");
    if (!starts("(?<") || starts("(?<=") || starts("(?<!")) return give_up();
    const std::size_t end = left_.find('>');
    if (end == left_.npos) return give_up();
    take(end + 1, "(");
  }

  void escape() {
    if (left_.size() < 2) return give_up();
    const char c = left_[1];
    if (kAlike.find(c) != kAlike.npos || kSyntax.find(c) != kSyntax.npos) return take(2, left_.substr(0, 2));
    if ((c == 'b' || c == 'B') && !in_class_) return take(2, left_.substr(0, 2));
    if (c == 's') return take(2, in_class_ ? std::string(kSpaces) : "[" + std::string(kSpaces) + "]");
    if (c == 'S' && !in_class_) return take(2, "[^" + std::string(kSpaces) + "]");
    if (c == 'x') return code(2, 2);
    if (c == 'u') return code(2, 4);
    if (c == 'p' || c == 'P') return property();
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    // Outside ASCII and for other punctuation a backslash adds nothing; RE2 takes it for ASCII punctuation only.
    if (word || static_cast<unsigned char>(c) >= 0x80) return give_up();
    take(2, left_.substr(0, 2));
  }

  // \xhh, \uhhhh
  void code(std::size_t from, std::size_t digits) {
    const std::string_view hex = left_.substr(from, digits);
    if (hex.size() != digits || !std::ranges::all_of(hex, is_hex)) return give_up();
    const bool surrogate = digits == 4 && (hex[0] == 'd' || hex[0] == 'D') && hex[1] >= '8';
    if (surrogate) return give_up();
    take(from + digits, "\\x{" + std::string(hex) + "}");
  }

  // \p{L}: general categories by their short names are known to both.
  void property() {
    const std::size_t end = left_.find('}');
    if (!left_.substr(2).starts_with('{') || end == left_.npos || end > 5) return give_up();
    take(end + 1, left_.substr(0, end + 1));
  }

  std::string_view left_;
  std::string out_;
  bool in_class_ = false;
  bool fits_ = true;
};

}  // namespace

std::optional<std::string> re2_of(std::string_view pattern) { return Translator(pattern).run(); }

}  // namespace tidegate::openapi
