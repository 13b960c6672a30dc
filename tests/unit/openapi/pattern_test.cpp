// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "agent/openapi/ecma_pattern.hpp"

namespace tidegate::openapi {
namespace {

TEST(EcmaPattern, WhatBothUnderstandStays) {
  for (const char* pattern :
       {"^[a-z0-9_-]{1,64}$", "a|b", "\\d+\\.\\d*?", "(?:x)(y)", "\\bword\\b", "[^/]+", "\\p{L}"}) {
    EXPECT_EQ(re2_of(pattern), pattern);
  }
}

TEST(EcmaPattern, WhatMeansSomethingElseIsTranslated) {
  EXPECT_EQ(re2_of("\\u00e4"), "\\x{00e4}");
  EXPECT_EQ(re2_of("a.b"), "a[^\\n\\r\\x{2028}\\x{2029}]b");
  EXPECT_EQ(re2_of("(?<year>\\d)"), "(\\d)");
  EXPECT_EQ(re2_of("[[:alpha:]]"), "[\\[:alpha:]]") << "no class of POSIX in ECMAScript";
}

TEST(EcmaPattern, WhatRe2CannotDoOrMightDoOtherwiseIsNotTaken) {
  for (const char* pattern :
       {"(?=a)", "(?!a)",    "(?<=a)", "(?<!a)",         "(a)\\1", "\\k<x>", "[]", "[^]", "\\A",  "\\z",  "\\Qx\\E",
        "(?i)a", "(?P<n>a)", "[\\S]",  "\\uD83D\\uDE00", "\\cA",   "\\a",    "[",  "\\",  "\\x4", "[\\b]"}) {
    EXPECT_EQ(re2_of(pattern), std::nullopt) << pattern;
  }
}

}  // namespace
}  // namespace tidegate::openapi
