// SPDX-License-Identifier: Apache-2.0
#include "agent/config/document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/config/text_file.hpp"

namespace tidegate::config {
namespace {

using policy::Report;
using ::testing::HasSubstr;

// Errors as "LINE:COL: text", joined by line breaks.
std::string errors_of(const std::string& text) {
  Report report;
  read_document(text, report);
  std::string result;
  for (const policy::Issue& issue : std::move(report).take()) {
    result += to_string(issue.location) + ": " + issue.message + "\n";
  }
  return result;
}

Node parse(const std::string& text) {
  Report report;
  Node node = read_document(text, report);
  EXPECT_FALSE(report.failed()) << errors_of(text);
  return node;
}

TEST(Document, ValuesKnowWhereTheyStand) {
  const Node root = parse("a: 1\nb:\n  - x\n  - {c: 'y'}\n");
  ASSERT_TRUE(root.is_map());
  ASSERT_EQ(root.members.size(), 2U);
  const Node& list = root.members[1].value;
  ASSERT_TRUE(list.is_sequence());
  EXPECT_EQ(list.items[0].text, "x");
  EXPECT_EQ(to_string(list.items[0].location), "3:5");
  EXPECT_EQ(to_string(list.items[1].members[0].value.location), "4:9");
  EXPECT_FALSE(list.items[1].members[0].value.is_plain);
}

TEST(Document, AnEmptyTextIsNull) {
  EXPECT_TRUE(parse("").is_null());
  EXPECT_TRUE(parse("# only a comment\n").is_null());
}

TEST(Document, SyntaxErrorsHaveAPlace) {
  EXPECT_THAT(errors_of("a: [1, 2\nb: 3\n"), HasSubstr("not YAML: "));
  EXPECT_THAT(errors_of("a: 1\n  b: 2\n"), HasSubstr("2:4: not YAML: "));
  EXPECT_THAT(errors_of("\tb: 2\n"), HasSubstr("not YAML: "));
}

TEST(Document, AnOpenQuoteDoesNotSwallowTheRest) {
  EXPECT_THAT(errors_of("a: 'open\nb: 1\n"), HasSubstr("1:4: not YAML: this quote is never closed"));
  EXPECT_THAT(errors_of("a: \"open\nb: 1\n"), HasSubstr("1:4: not YAML: this quote is never closed"));
  EXPECT_THAT(errors_of("a: 'it''\n"), HasSubstr("never closed"));
  EXPECT_THAT(errors_of("a: \"x\\\"\n"), HasSubstr("never closed"));
  EXPECT_THAT(errors_of("\xef\xbb\xbf"
                        "a: 'open\n"),
              HasSubstr("never closed"));
  EXPECT_THAT(errors_of("# ÷÷\na: 'open\n"), HasSubstr("2:4: not YAML: this quote is never closed"));
  EXPECT_EQ(errors_of("a: 'it''s'\r\nb: \"\\\"\"\nc: |\n  it's\nd: it's\n"), "");
  EXPECT_EQ(errors_of("\xef\xbb\xbf"
                      "# ÷\r\na: 'x'\r\nb: \"÷\"\n"),
            "");
}

TEST(Document, AnchorsAliasesTagsAndSecondDocumentsAreRefused) {
  EXPECT_THAT(errors_of("a: &x 1\nb: 2\n"), HasSubstr("1:4: anchors (&name) are not supported"));
  EXPECT_THAT(errors_of("a: &x [1]\nb: *x\n"), HasSubstr("anchors"));
  EXPECT_THAT(errors_of("a: !!binary aGk=\n"), HasSubstr("tags (!name) are not supported"));
  EXPECT_THAT(errors_of("a: 1\n---\nb: 2\n"), HasSubstr("a second document begins here"));
  EXPECT_THAT(errors_of("[a]: 1\n"), HasSubstr("a key has to be a word"));
}

TEST(Document, NestedTooDeepIsRefused) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(errors_of(nested(DocumentBounds{}.depth)), "");
  EXPECT_THAT(errors_of(nested(DocumentBounds{}.depth + 1)), HasSubstr("nested more than 32 deep"));
  EXPECT_NE(errors_of(std::string(500'000, '[')), "");
  EXPECT_NE(errors_of(std::string(500'000, '{')), "");
  std::string dashes;
  for (int i = 0; i < 10'000; ++i) dashes += "- ";
  EXPECT_THAT(errors_of(dashes), HasSubstr("nested more than 32 deep"));
}

TEST(Document, ABillionLaughsAreRefusedAtTheFirst) {
  std::string text = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    text += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) text += std::string(i ? ", *" : "*") + static_cast<char>(c - 1);
    text += "]\n";
  }
  EXPECT_THAT(errors_of(text), HasSubstr("1:4: anchors"));
}

TEST(Document, TooManyValuesAndTooLargeTextsAreRefused) {
  std::string many = "[";
  for (std::size_t i = 0; i <= DocumentBounds{}.nodes; ++i) many += "1,";
  EXPECT_THAT(errors_of(many + "]"), HasSubstr("more than 100000 values"));
  EXPECT_THAT(errors_of(std::string(kMostText + 1, ' ')), HasSubstr("larger than 1048576 bytes"));
  EXPECT_EQ(errors_of(std::string(kMostText, ' ')), "");
}

TEST(Document, OnlyPrintableUtf8IsRead) {
  EXPECT_EQ(errors_of("\xef\xbb\xbf# ÷ è\r\na:\t1\r\n"), "");
  EXPECT_THAT(errors_of("a: 1\nb: \xff\n"), HasSubstr("2:4: this byte is neither printable UTF-8 nor a tab"));
  EXPECT_THAT(errors_of(std::string("a: 1\0b", 6)), HasSubstr("1:5: this byte"));
  EXPECT_THAT(errors_of("a: \x1b[31m"), HasSubstr("1:4: this byte"));
  EXPECT_THAT(errors_of(std::string("\xff\xfe"
                                    "a\0",
                                    4)),
              HasSubstr("UTF-8"))
      << "UTF-16";
}

TEST(Document, CanonicalFormIsTheSameForTheSameMeaning) {
  const std::string expected = "{a: [1, \"two words\"], b: {c: \"\", d: null}}";
  EXPECT_EQ(canonical(parse("b: {d: , c: ''}\na:\n - 1\n - two words\n")), expected);
  EXPECT_EQ(canonical(parse("a: ['1', \"two words\"]  # comment\nb:\n  c: \"\"\n  d: null\n")), expected);
}

}  // namespace
}  // namespace tidegate::config
