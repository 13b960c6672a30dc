// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "agent/decisions/transfer.hpp"
#include "tests/unit/decisions/support.hpp"

namespace tidegate::decisions {
namespace {

using namespace std::chrono_literals;
using test::prefix;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const WallTime kImportedAt = ManualClock().wall();

struct Imported {
  std::vector<NewDecision> decisions;
  ImportSummary summary;
};

Imported import(std::string_view text, ImportOptions options = {}, std::size_t chunk = SIZE_MAX) {
  options.now = kImportedAt;
  Imported imported;
  const auto parser = ImportParser::create(options, [&](NewDecision&& decision) -> Status {
    imported.decisions.push_back(std::move(decision));
    return {};
  });
  for (std::size_t at = 0; at < text.size(); at += std::min(chunk, text.size() - at))
    parser->feed(text.substr(at, chunk));
  imported.summary = parser->finish();
  EXPECT_EQ(imported.summary.accepted, imported.decisions.size());
  return imported;
}

// "LINE: message" of each error.
std::vector<std::string> errors(std::string_view text, ImportOptions options = {}) {
  std::vector<std::string> lines;
  for (const LineError& error : import(text, std::move(options)).summary.errors) {
    lines.push_back(std::to_string(error.line) + ": " + error.message);
  }
  return lines;
}

TEST(ImportPlain, TargetDurationReason) {
  const auto [decisions, summary] = import(
      "# a list\n\n192.0.2.1\n  192.0.2.0/24  1h   port scan,  twice \r\n2001:db8::/32\t- 7 days of this\n198.51.100.1 "
      "spam\n");
  EXPECT_EQ(summary.error_count, 0U);
  ASSERT_THAT(decisions, SizeIs(4));
  EXPECT_EQ(decisions[0].target, prefix("192.0.2.1"));
  EXPECT_FALSE(decisions[0].expires);
  EXPECT_EQ(decisions[0].reason, "");
  EXPECT_EQ(decisions[0].origin, "operator");
  EXPECT_EQ(decisions[1].target, prefix("192.0.2.0/24"));
  EXPECT_EQ(decisions[1].expires, kImportedAt + 1h);
  EXPECT_EQ(decisions[1].reason, "port scan,  twice");
  EXPECT_EQ(decisions[2].reason, "7 days of this");
  EXPECT_FALSE(decisions[2].expires);
  EXPECT_EQ(decisions[3].reason, "spam");
}

TEST(ImportPlain, BadLinesAreNamedByNumberAndTheOthersStillChecked) {
  EXPECT_THAT(
      errors("192.0.2.1\n\nexample.org\n# x\n192.0.2.9/24 1h\n192.0.2.2\n192.0.2.3 1hour spam\n"),
      ElementsAre(AllOf(HasSubstr("3: 'example.org' is not an IPv4 or IPv6 address")),
                  "5: '192.0.2.9/24' has host bits set; the prefix is 192.0.2.0/24", HasSubstr("7: '1hour' is not")));
}

TEST(ImportPlain, AReasonThatLooksLikeADurationNeedsADash) {
  EXPECT_THAT(errors("192.0.2.1 3600\n"), ElementsAre(HasSubstr("put '-' before a reason that begins with a number")));
  EXPECT_THAT(errors("192.0.2.1 - 3600\n192.0.2.1 4.5 stars\n"), IsEmpty());
}

TEST(ImportPlain, TextsThatATerminalMustNotSeeAreRefusedAndNotShown) {
  const auto found = errors("192.0.2.1 1h a\x1b[2Jb\n192.0.2.2 \xff\xfe\n\x1b]0;x\x07\n");
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_THAT(found[0], HasSubstr("1: reason has a control character"));
  EXPECT_THAT(found[1], HasSubstr("2: reason is not UTF-8"));
  EXPECT_EQ(found[2].find('\x1b'), std::string::npos);
  EXPECT_EQ(found[2].find('\x07'), std::string::npos);
}

TEST(ImportPlain, LongLinesAndReasonsAreBounded) {
  const std::string reason(kMostReasonBytes, 'r');
  EXPECT_THAT(errors("192.0.2.1 " + reason + "\n"), IsEmpty());
  EXPECT_THAT(errors("192.0.2.1 " + reason + "r\n"), ElementsAre("1: reason is longer than 1024 bytes"));
  const std::string endless(ImportParser::kMostRecordBytes * 3, 'x');
  EXPECT_THAT(errors(endless + "\n192.0.2.1\nx"),
              ElementsAre(HasSubstr("1: the line is longer than 16384 bytes"), HasSubstr("3: ")));
}

TEST(ImportPlain, KeepsAHundredErrorsAndCountsTheRest) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "no\n";
  const ImportSummary summary = import(text).summary;
  EXPECT_THAT(summary.errors, SizeIs(ImportSummary::kMostErrors));
  EXPECT_EQ(summary.error_count, 1000U);
}

TEST(ImportPlain, TheLastLineNeedsNoEnd) { EXPECT_THAT(import("192.0.2.1\n192.0.2.2 1h x").decisions, SizeIs(2)); }

TEST(Import, NothingIsNothing) {
  for (const char* text : {"", "\n \n", "# nothing\n", "[]", " [ ] \n", "target\n"}) {
    const auto [decisions, summary] = import(text);
    EXPECT_THAT(decisions, IsEmpty()) << text;
    EXPECT_EQ(summary.error_count, 0U) << text;
  }
}

TEST(Import, AByteOrderMarkIsPassedOver) {
  EXPECT_THAT(import("\xef\xbb\xbf"
                     "192.0.2.1\n")
                  .decisions,
              SizeIs(1));
  EXPECT_THAT(import("\xef\xbb\xbf"
                     "192.0.2.1\n",
                     {}, 1)
                  .decisions,
              SizeIs(1));
}

TEST(Import, OriginAndActorAreTheCallers) {
  const std::string json = R"([{"target": "192.0.2.1", "origin": "feed:a"}])";
  EXPECT_EQ(import(json).decisions[0].origin, "feed:a");
  const auto [decisions, summary] = import(json, {.format = {}, .origin = "mine", .now = {}, .actor = "uid:7"});
  EXPECT_EQ(decisions[0].origin, "mine");
  EXPECT_EQ(decisions[0].actor, "uid:7");
}

TEST(Import, TheSinkMayRefuseALineOrEndItAll) {
  const auto parser = ImportParser::create({.format = {}, .origin = {}, .now = kImportedAt, .actor = ""},
                                           [](NewDecision&& d) -> Status {
                                             if (d.target == prefix("192.0.2.2"))
                                               return fail(ErrorCode::kFailedPrecondition, "that is you");
                                             if (d.target == prefix("192.0.2.4"))
                                               return fail(ErrorCode::kResourceExhausted, "disk full");
                                             return {};
                                           });
  parser->feed("192.0.2.1\n192.0.2.2\n192.0.2.3\n192.0.2.4\n192.0.2.5\nnonsense\n");
  const ImportSummary summary = parser->finish();
  EXPECT_EQ(summary.accepted, 2U);
  ASSERT_THAT(summary.errors, SizeIs(1));
  EXPECT_EQ(summary.errors[0].line, 2U);
  EXPECT_EQ(summary.errors[0].message, "that is you");
  ASSERT_TRUE(summary.failure);
  EXPECT_EQ(summary.failure->message, "disk full");
}

TEST(ImportJson, ArrayOrOneObjectAfterTheOther) {
  for (const char* text : {R"([{"target":"192.0.2.1"},{"target":"192.0.2.2"}])",
                           "{\"target\":\"192.0.2.1\"}\n{\"target\":\"192.0.2.2\"}\n",
                           "\n\n [ {\"target\" : \"192.0.2.1\"}\n,\n{\"target\":\"192.0.2.2\"} ] \n"}) {
    for (const std::size_t chunk : {1UL, 7UL, 1000UL})
      EXPECT_THAT(import(text, {}, chunk).decisions, SizeIs(2)) << text;
  }
}

TEST(ImportJson, EveryField) {
  const auto [decisions, summary] =
      import(R"([{"id": 7, "target": "2001:db8::/32", "action": "limit", "origin": "rule:x",
    "reason": "so: {\"a\"} [\u00e9]", "created": "2029-01-01T00:00:00Z", "expires": "2030-01-02T00:00:00.250+01:00",
    "limit": {"packets": "100/s", "bytes": "1MB/s"}, "forced": true, "actor": "uid:0"}])");
  ASSERT_THAT(decisions, SizeIs(1)) << summary.errors[0].message;
  EXPECT_EQ(decisions[0].action, Action::kLimit);
  EXPECT_EQ(decisions[0].reason, "so: {\"a\"} [é]");
  EXPECT_EQ(decisions[0].expires, kImportedAt + 23h + 250ms);
  EXPECT_EQ(decisions[0].limit.packets, (Rate{100, 1s}));
  EXPECT_EQ(decisions[0].limit.bytes, (Rate{1'000'000, 1s}));
  EXPECT_FALSE(decisions[0].forced) << "the guard decides anew";
  EXPECT_EQ(decisions[0].actor, "");
}

TEST(ImportJson, WhatHasExpiredIsLeftOut) {
  const auto [decisions, summary] =
      import(R"([{"target":"192.0.2.1","expires":"2029-12-31T23:59:59Z"},{"target":"192.0.2.2","expires":null}])");
  EXPECT_THAT(decisions, SizeIs(1));
  EXPECT_EQ(summary.expired, 1U);
  EXPECT_EQ(summary.error_count, 0U);
}

TEST(ImportJson, BadObjectsAreNamedByTheLineTheyBeginIn) {
  EXPECT_THAT(
      errors(
          "[{\"target\":\"192.0.2.1\"},\n{\"target\":\"x\"},\n{\n\"target\":\"192.0.2.1\",\n\"expries\":\"y\"},\n{}]"),
      ElementsAre(HasSubstr("2: 'x' is not"), "3: unknown key 'expries'", "6: there is no target"));
  EXPECT_THAT(errors(R"([{"target": 7}])"), ElementsAre(HasSubstr("must be text")));
  EXPECT_THAT(errors(R"([{"target":"192.0.2.1","limit":7}])"), ElementsAre(HasSubstr("must be text")));
  EXPECT_THAT(errors(R"([{"target":"192.0.2.1","packets":"1/s"}])"), ElementsAre(HasSubstr("unknown key 'packets'")));
  EXPECT_THAT(errors(R"([{"target":"192.0.2.1","action":"limit"}])"),
              ElementsAre(HasSubstr("a limit needs packets or bytes")));
  EXPECT_THAT(errors(R"([{"target":"192.0.2.1","action":"nuke"}])"), ElementsAre(HasSubstr("block, limit or monitor")));
  EXPECT_THAT(errors(R"([{"target":"192.0.2.1","expires":"tomorrow"}])"),
              ElementsAre(HasSubstr("'tomorrow' is no time")));
  EXPECT_THAT(errors(R"([{"target":"192.0.2.1","expires":"2190-01-01T00:00:00Z"}])"), ElementsAre(HasSubstr("3650d")));
  EXPECT_THAT(errors("[{\"target\":\"192.0.2.1\",\"reason\":\"\\u001b\"}]"),
              ElementsAre(HasSubstr("control character")));
  EXPECT_THAT(errors("[{\"target\":\"192.0.2.1\",\"reason\":\"\xff\"}]"), ElementsAre(HasSubstr("not JSON at byte")));
}

TEST(ImportJson, DepthAndSizeAreBounded) {
  EXPECT_THAT(errors("[{\"target\":" + std::string(5000, '[') + std::string(5000, ']') + "}]"),
              ElementsAre(HasSubstr("an array")));
  const std::string deep = "[" + [] {
    std::string text;
    for (int i = 0; i < 3000; ++i) text += "{\"limit\":";
    return text + "1" + std::string(3000, '}');
  }() + "]";
  EXPECT_THAT(errors(deep), SizeIs(1));
  EXPECT_THAT(errors("[{\"reason\":\"" + std::string(100'000, 'x') + "\"},{\"target\":\"x\"}]"),
              ElementsAre(HasSubstr("longer than 16384 bytes"), HasSubstr("'x'")));
}

TEST(ImportJson, CutOffTextIsAnError) {
  const std::string whole = "[{\"target\":\"192.0.2.1\"}\n]";
  for (std::size_t size = 1; size < whole.size(); ++size) EXPECT_THAT(errors(whole.substr(0, size)), SizeIs(1)) << size;
  EXPECT_THAT(errors("[{\"target\":\"192.0.2.1\"}] x"), ElementsAre(HasSubstr("not the JSON")));
  EXPECT_THAT(errors("[{\"target\":\"192.0.2.1\"},]"), SizeIs(1));
  EXPECT_THAT(errors("[1]"), SizeIs(1));
}

TEST(ImportCsv, ColumnsByNameInAnyOrder) {
  const auto [decisions, summary] =
      import("reason,target,expires\r\n\"a, \"\"b\"\"\",192.0.2.1,2030-01-01T01:00:00Z\r\n,192.0.2.2,\r\n");
  ASSERT_THAT(decisions, SizeIs(2)) << summary.errors[0].message;
  EXPECT_EQ(decisions[0].reason, "a, \"b\"");
  EXPECT_EQ(decisions[0].expires, kImportedAt + 1h);
  EXPECT_FALSE(decisions[1].expires);
}

TEST(ImportCsv, BadRecordsAreNamedByLine) {
  EXPECT_THAT(
      errors(
          "target,reason\n192.0.2.1\n192.0.2.1,a,b\n192.0.2.1,\"a\"b\n192.0.2.1,a\"b\n192.0.2.1,\"two\nlines\"\nx,\n"),
      ElementsAre("2: there are 1 fields; the header has 2", HasSubstr("3: there are 3"), HasSubstr("4: a quote"),
                  HasSubstr("5: a quote"), HasSubstr("6: reason has a control character"), HasSubstr("8: 'x'")));
  EXPECT_THAT(errors("target,reason\n192.0.2.1,\"open\n192.0.2.2,\n"),
              ElementsAre(HasSubstr("2: a quote is not closed")));
}

TEST(ImportCsv, AWrongHeaderIsTheOnlyError) {
  EXPECT_THAT(errors("target,color\nx\ny\n"), ElementsAre(HasSubstr("1: the header has an unknown column")));
  EXPECT_THAT(errors("reason\nx\n"), ElementsAre(HasSubstr("no column `target`")));
  EXPECT_THAT(errors("target,target\nx,y\n"), ElementsAre(HasSubstr("twice")));
}

TEST(Import, TheFormatMayBeGiven) {
  EXPECT_THAT(errors("[]", {.format = Format::kPlain, .origin = {}, .now = {}, .actor = ""}), SizeIs(1));
  EXPECT_THAT(errors("192.0.2.1", {.format = Format::kJson, .origin = {}, .now = {}, .actor = ""}), SizeIs(1));
}

TEST(Rfc3339, ParsesWhatTheStandardAllows) {
  const WallTime base{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}};
  const auto parsed = [](const char* text) { return test::value_of(parse_rfc3339(text)); };
  EXPECT_EQ(parsed("2030-01-01T00:00:00Z"), base);
  EXPECT_EQ(parsed("2030-01-01t00:00:00.5z"), base + 500ms);
  EXPECT_EQ(parsed("2030-01-01T01:30:00+01:30"), base);
  EXPECT_EQ(parsed("2029-12-31T19:00:00-05:00"), base);
  EXPECT_EQ(parsed("2030-01-01T00:00:00.1234567891Z"), base + 123456789ns);
  EXPECT_EQ(parsed("2028-02-29T00:00:00Z"), WallTime(std::chrono::sys_days{std::chrono::year{2028} / 2 / 29}));
}

TEST(Rfc3339, RefusesTheRest) {
  for (const char* text :
       {"", "2030-01-01", "2030-01-01 00:00:00Z", "2030-13-01T00:00:00Z", "2030-02-29T00:00:00Z",
        "2030-01-01T24:00:00Z", "2030-01-01T00:60:00Z", "2030-01-01T00:00:61Z", "2030-01-01T00:00:00",
        "2030-01-01T00:00:00.Z", "2030-01-01T00:00:00+1:00", "2030-01-01T00:00:00+24:00", "2030-01-01T00:00:00Zx",
        "9999-01-01T00:00:00Z", "1960-01-01T00:00:00Z", "+030-01-01T00:00:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace tidegate::decisions
