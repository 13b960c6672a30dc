// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <sstream>

#include "cli/format/escape.hpp"
#include "cli/format/output.hpp"
#include "cli/format/plain.hpp"
#include "cli/format/quantity.hpp"
#include "cli/format/table.hpp"
#include "cli/format/yaml.hpp"
#include "cli/progress.hpp"
#include "cli/tar.hpp"

namespace tidegate::cli {
namespace {

TEST(Escape, MakesControlCharactersVisible) {
  EXPECT_EQ(escape_text("a\tb\nc\rd"), "a\\tb\\nc\\rd");
  EXPECT_EQ(escape_text("\x1b[31mred\x7f"), "\\x1b[31mred\\x7f");
  EXPECT_EQ(escape_text("\xc2\x9b"
                        "31m"),
            "\\x9b31m")
      << "CSI as one C1 character";
  EXPECT_EQ(escape_text("a\xe2\x80\xae"
                        "b"),
            "a\\u{202e}b")
      << "right-to-left override";
  EXPECT_EQ(escape_text(std::string("a\0b", 3)), "a\\x00b");
}

TEST(Escape, KeepsTextAndNamesBytesThatAreNoUtf8) {
  EXPECT_EQ(escape_text("café → 日本"), "café → 日本");
  EXPECT_EQ(escape_text("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(escape_text("\xc0\x9b"), "\\xc0\\x9b") << "overlong";
  EXPECT_EQ(escape_text("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
}

TEST(Escape, JsonStaysJson) {
  EXPECT_EQ(escape_json("{\"a\":\"x\x7fy\"}"), "{\"a\":\"x\\u007fy\"}");
  EXPECT_EQ(escape_json("[\n  1\n]"), "[\n  1\n]");
}

TEST(Escape, WidthCountsColumns) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("é日"), 3U);
  EXPECT_EQ(shorten("abcdef", 4), "abc…");
  EXPECT_EQ(shorten("日本語", 4), "日…");
  EXPECT_EQ(shorten("abc", 3), "abc");
}

TEST(Quantity, ReadsLikePeopleWrite) {
  EXPECT_EQ(short_count(0), "0");
  EXPECT_EQ(short_count(0.4), "0.4");
  EXPECT_EQ(short_count(999), "999");
  EXPECT_EQ(short_count(999.7), "1.0k");
  EXPECT_EQ(short_count(999'960), "1.0M");
  EXPECT_EQ(short_bits(1'250'000), "1.2 Mbit/s");
  EXPECT_EQ(short_bytes(512), "512 B");
  EXPECT_EQ(short_age(std::chrono::seconds(42)), "42s");
  EXPECT_EQ(short_age(std::chrono::seconds(8040)), "2h 14m");
  EXPECT_EQ(short_age(std::chrono::seconds(-5)), "0s");
  EXPECT_EQ(percent(1, 400), "0.2 %");
  EXPECT_EQ(percent(50, 100), "50 %");
  EXPECT_EQ(percent(1, 0), "-");
}

TEST(Table, AlignsAndEscapes) {
  std::ostringstream out;
  {
    const Style style(false);
    Table table(out, style, {{"NAME"}, {"N", Align::kRight}, {"WHY"}});
    table.add({"é", "1", "x\ny"});
    table.add({"longer", "100", ""});
  }
  EXPECT_EQ(out.str(), "NAME      N  WHY\né         1  x\\ny\nlonger  100\n");
}

TEST(Table, PrintsEndlessRowsWithoutHoldingThem) {
  std::ostringstream out;
  const Style style(false);
  Table table(out, style, {{"N", Align::kRight}});
  for (int i = 0; i < 511; ++i) table.add({std::to_string(i)});
  EXPECT_EQ(out.str(), "");
  table.add({"511"});
  EXPECT_NE(out.str(), "");
}

// A pause before the first row settles no widths.
TEST(Table, FlushedWithoutRowsWaitsForThem) {
  std::ostringstream out;
  const Style style(false);
  {
    Table table(out, style, {{"A"}, {"B"}});
    table.flush();
    EXPECT_EQ(out.str(), "");
    table.add({"wide", "1"});
    table.flush();
    table.finish();
  }
  EXPECT_EQ(out.str(), "A     B\nwide  1\n");
  out.str("");
  Table(out, style, {{"A"}}).finish();
  EXPECT_EQ(out.str(), "A\n") << "at the end there may be none";
}

TEST(Yaml, WritesBlocksAndQuotesWhatCouldBeSomethingElse) {
  const Json document{{"name", "eth0"},  {"text", "yes"},      {"time", "2030-01-01T00:00:00Z"},
                      {"number", 12},    {"none", nullptr},    {"empty", Json::array()},
                      {"colon", "a: b"}, {"control", "a\x1b"}, {"list", {{{"a", 1}, {"b", {true}}}, "x"}}};
  EXPECT_EQ(to_yaml(document),
            "name: eth0\n"
            "text: \"yes\"\n"
            "time: \"2030-01-01T00:00:00Z\"\n"
            "number: 12\n"
            "none: null\n"
            "empty: []\n"
            "colon: \"a: b\"\n"
            "control: \"a\\u001b\"\n"
            "list:\n"
            "- a: 1\n"
            "  b:\n"
            "  - true\n"
            "- x\n");
}

TEST(Progress, BarFillsFromLeftToRight) {
  EXPECT_EQ(progress_bar(0, 10, 4), "[░░░░]");
  EXPECT_EQ(progress_bar(5, 10, 4), "[██░░]");
  EXPECT_EQ(progress_bar(20, 10, 4), "[████]");
}

TEST(Tar, IsWhatTarReads) {
  const std::string archive = make_tar("folder", {{"../a b.txt", "hello"}}, 1893456000);
  ASSERT_EQ(archive.size(), 512U * 4);
  EXPECT_EQ(archive.substr(0, 17), "folder/.._a_b.txt");
  EXPECT_EQ(archive.substr(257, 5), "ustar");
  EXPECT_EQ(archive.substr(512, 5), "hello");
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i) {
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(archive[i]);
  }
  EXPECT_EQ(std::stoul(archive.substr(148, 6), nullptr, 8), sum);
}

// Every byte at every place of short texts, against the definition.
TEST(Plain, IsToldByWordsAsByBytes) {
  EXPECT_TRUE(is_ascii("") && is_plain_json(""));
  for (std::size_t size = 1; size <= 18; ++size) {
    for (std::size_t place = 0; place < size; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'x');
        text[place] = static_cast<char>(byte);
        const bool plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
        ASSERT_EQ(is_ascii(text), byte < 0x80) << size << " " << place << " " << byte;
        ASSERT_EQ(is_plain_json(text), plain) << size << " " << place << " " << byte;
      }
    }
  }
}

}  // namespace
}  // namespace tidegate::cli
