// SPDX-License-Identifier: Apache-2.0
// The path tree and exact numbers against the obvious way of doing it, on random input.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <regex>

#include "agent/inspect/api/path_tree.hpp"
#include "agent/inspect/model/decimal.hpp"
#include "agent/openapi/path_template.hpp"

namespace tidegate::openapi {
namespace {

using inspect::api::PathTree;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    segments.push_back(path.substr(0, path.find('/')));
    path.remove_prefix(segments.back().size());
  }
  return segments;
}

// "/a/{x}.{y}" as an expression for whole paths.
std::regex expression_of(const std::string& path) {
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '{') {
      text += "[^/]+";
      i = path.find('}', i);
    } else {
      text += path[i] == '.' ? "\\." : std::string(1, path[i]);
    }
  }
  return std::regex(text);
}

class Words {
 public:
  explicit Words(unsigned seed) : random_(seed) {}
  unsigned below(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random_); }
  std::string one(std::initializer_list<const char*> of) {
    return *(of.begin() + below(static_cast<unsigned>(of.size())));
  }
  std::string path(std::initializer_list<const char*> segments) {
    std::string path;
    for (unsigned i = 0, n = below(4) + 1; i < n; ++i) path += "/" + one(segments);
    return path;
  }

 private:
  std::mt19937 random_;
};

TEST(PathTreeProperty, FindsWhatExpressionsFindConcreteFirst) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    Words words(seed);
    std::vector<std::string> templates;
    std::vector<inspect::ApiPath> paths;
    std::vector<std::regex> expressions;
    for (unsigned i = 0, n = words.below(12) + 1; i < n; ++i) {
      templates.push_back(words.path({"a", "b", "ab", "{x}", "{y}", "a{x}", "{x}b", "{x}.{y}", "a{x}b", "{x}a{y}"}));
      paths.push_back({parse_template(templates.back(), true)->segments, {}});
      expressions.push_back(expression_of(templates.back()));
    }
    const PathTree tree(paths);
    for (unsigned i = 0; i < 50; ++i) {
      const std::string path = words.path({"a", "b", "ab", "aab", "abb", "c", "c.d", "xay", "a.b", "ba"});
      const auto segments = split(path);
      const auto found = tree.find(segments);
      ASSERT_TRUE(found.complete);
      std::vector<std::uint32_t> got(found.paths.begin(),
                                     found.paths.begin() + static_cast<std::ptrdiff_t>(found.count));
      if (!got.empty()) {
        // None that fits is literal where the first one found has a variable, and alike before.
        const auto kind = [&](std::uint32_t p) {
          std::string kinds;
          for (const auto& segment : paths[p].segments)
            kinds += segment.size() != 1 ? '1' : segment[0].literal.empty() ? '2' : '0';
          return kinds;
        };
        // Texts with variables inside have no order among each other.
        for (const std::uint32_t p : got) {
          const std::string first = kind(got.front());
          const std::string other = kind(p);
          const std::size_t end = std::min(first.find('1'), other.find('1'));
          ASSERT_LE(first.substr(0, end), other.substr(0, end)) << path;
        }
      }
      std::sort(got.begin(), got.end());
      std::vector<std::uint32_t> wanted;
      for (std::uint32_t p = 0; p < templates.size(); ++p) {
        if (std::regex_match(path, expressions[p])) wanted.push_back(p);
      }
      ASSERT_EQ(got, wanted) << path << " seed " << seed;
    }
  }
}

TEST(DecimalProperty, ComparesAsWholeNumbersDo) {
  Words words(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto a = static_cast<std::int64_t>(words.below(2'000'000)) - 1'000'000;
    const auto b = static_cast<std::int64_t>(words.below(2'000'000)) - 1'000'000;
    // The same numbers in thousandths: "1.234".
    const auto text = [](std::int64_t value) {
      const std::string digits = std::to_string(1000 + std::abs(value) % 1000).substr(1);
      return (value < 0 ? "-" : "") + std::to_string(std::abs(value) / 1000) + "." + digits;
    };
    const auto x = inspect::parse_decimal(text(a));
    const auto y = inspect::parse_decimal(text(b));
    ASSERT_TRUE(x && y);
    ASSERT_EQ(inspect::compare(*x, *y), a < b ? -1 : a > b ? 1 : 0) << text(a) << " " << text(b);
    ASSERT_EQ(x->whole, a % 1000 == 0) << text(a);
    if (b == 0) continue;
    ASSERT_EQ(inspect::is_multiple(*x, *inspect::parse_decimal(text(std::abs(b)))), a % b == 0);
  }
}

TEST(DecimalProperty, NoNumbersAreNone) {
  for (const char* text :
       {"", "-", "+", ".", "1.", ".1", "e5", "1e", "1e+", "1x", " 1", "1 ", "--1", "1e99999", "0x1"}) {
    EXPECT_FALSE(inspect::parse_decimal(text)) << text;
  }
}

}  // namespace
}  // namespace tidegate::openapi
