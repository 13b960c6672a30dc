// SPDX-License-Identifier: Apache-2.0
// Requests that were stored as JSON, read back, and rules over them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "cli/format/output.hpp"
#include "cli/inspect/summary_json.hpp"
#include "cli/inspect/summary_parse.hpp"
#include "tests/unit/cli/with_inspector.hpp"
#include "tests/unit/inspect/wire/samples.hpp"

namespace tidegate::cli::test {
namespace {

using ::testing::HasSubstr;

std::string stored_line(const inspect::Summary& summary) {
  std::string text;
  SummaryJson().append(text, summary);
  return text;
}

// What was read back is what was written, every field.
void expect_lossless(inspect::Summary summary) {
  std::string line;
  SummaryJson(true).append(line, summary);
  const auto back = parse_summary(line);
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_TRUE(*back);
  summary.sequence = 0;  // the order of the lines
  EXPECT_EQ(inspect::text_of(**back), inspect::text_of(summary));
}

TEST(SummaryParseTest, LosesNothing) {
  expect_lossless(inspect::full_summary());
  inspect::Summary plain;
  plain.connection.flow = inspect::sample_flow();
  expect_lossless(plain);
  plain.connection.proven = true;
  expect_lossless(plain);
  plain.kind = inspect::SummaryKind::kHandshake;
  plain.connection.ja4 = "t13d";
  plain.duration = std::chrono::nanoseconds(1'234'567);
  expect_lossless(plain);
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    inspect::Summary summary = inspect::full_summary();
    const auto any = [&](std::size_t most) {
      std::string text(random() % (most + 1), '\0');
      const unsigned base = random() % 2 * 128;
      for (char& c : text) c = static_cast<char>(random() % (i % 2 == 0 ? 256 : 128) + base);
      return text;
    };
    summary.path = any(inspect::kLongestPath);
    summary.path_template = any(inspect::kLongestPath);
    summary.method = any(inspect::kLongestMethod);
    summary.host = any(inspect::kLongestHost);
    summary.user_agent = any(inspect::kLongestUserAgent);
    summary.connection.ja4 = any(64);
    summary.connection.sni = any(255);
    summary.query_keys = {any(64), any(64), any(64)};
    summary.duration = std::chrono::nanoseconds(random() * 1000ULL + i);
    summary.kind = i % 3 == 0 ? inspect::SummaryKind::kStalled : inspect::SummaryKind::kRequest;
    expect_lossless(summary);
  }
}

TEST(SummaryParseTest, WhatSaysNothingOfItsConnectionIsProven) {
  Json object = Json::parse(stored_line(inspect::Summary{}));
  EXPECT_EQ(object["exact"]["proven"], false);
  EXPECT_FALSE(parse_summary(object.dump()).value()->connection.proven);
  object.erase("exact");
  EXPECT_TRUE(parse_summary(object.dump()).value()->connection.proven);
  inspect::Summary proven;
  proven.connection.proven = true;
  EXPECT_FALSE(Json::parse(stored_line(proven)).contains("exact"));
}

TEST(SummaryParseTest, RefusesWhatIsNoRequestAndSaysWhy) {
  const auto why = [](const std::string& line) {
    const auto parsed = parse_summary(line);
    return parsed ? std::string("taken") : parsed.error().message;
  };
  const auto with = [&](const std::string& key, const Json& value) {
    Json object = Json::parse(stored_line(inspect::full_summary()));
    value.is_discarded() ? void(object.erase(key)) : void(object[key] = value);
    return why(object.dump());
  };
  EXPECT_EQ(with("unknown", 5), "taken");
  EXPECT_EQ(with("status", nullptr), "taken");
  EXPECT_EQ(with("client_ip", "192.0.2"), "client_ip is no address");
  EXPECT_EQ(with("client_ip", Json(Json::value_t::discarded)), "client_ip is missing");
  EXPECT_EQ(with("time", "yesterday"), "time is no time such as 2030-01-01T00:00:00.000000Z");
  EXPECT_EQ(with("status", -1), "status is no whole number up to 999");
  EXPECT_EQ(with("status", 70000), "status is no whole number up to 999");
  EXPECT_EQ(with("duration_ms", -1), "duration_ms is no duration in milliseconds");
  EXPECT_EQ(with("duration_ms", 1e300), "duration_ms is no duration in milliseconds");
  EXPECT_EQ(with("session", "zz"), "session is no hexadecimal text");
  EXPECT_EQ(with("session", "00"), "session is no identity of 16 bytes");
  EXPECT_EQ(with("path", std::string(7000, 'a')), "path is longer than 6144 bytes");
  EXPECT_EQ(with("path", std::string(2049, 'a')), "path is longer than 2048 bytes");
  EXPECT_EQ(with("tls", "1.4"), "tls is no version that is known");
  EXPECT_EQ(with("query_keys", Json::array({1})), "query_keys is no list of names");
  EXPECT_EQ(with("exact", Json{{"path", "f"}}), "exact path is no hexadecimal text");
  EXPECT_EQ(with("exact", Json{{"query_keys", Json::array()}}), "exact query_keys does not fit query_keys");
  EXPECT_EQ(why("no"), "no JSON");
  EXPECT_EQ(why("[1]"), "no JSON object");
  EXPECT_EQ(why(std::string(100000, '[')), "no JSON");
  EXPECT_EQ(why(std::string(kLongestSummaryLine + 1, ' ')), "longer than 131072 bytes");
  EXPECT_FALSE(parse_summary(R"({"connections": 3})").value()) << "the totals of --stats are no request";
  const std::string good = stored_line(inspect::full_summary());
  for (std::size_t i = 0; i + 2 < good.size(); ++i) EXPECT_NE(why(good.substr(0, i)), "taken");
}

// Damaged lines are refused or taken, and what is taken is written and read back as it is.
TEST(SummaryParseTest, TakesOrRefusesWhateverComes) {
  const std::string good = stored_line(inspect::full_summary());
  std::mt19937 random(2);
  int taken = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string line = good;
    for (auto n = 1 + random() % 3; n > 0; --n) {
      const std::size_t at = random() % line.size();
      const unsigned how = random() % 4;
      if (how == 0) line.erase(at, 1 + random() % 8);
      if (how == 1) line.insert(at, 1, static_cast<char>(random()));
      if (how == 2) line[at] = static_cast<char>("0123456789,:{}[]\"eE-+\\u"[random() % 24]);
      if (how == 3) line.insert(at, line.substr(random() % line.size(), random() % 64));
    }
    auto parsed = parse_summary(line);
    if (!parsed || !*parsed) continue;
    ++taken;
    expect_lossless(**parsed);
  }
  EXPECT_GT(taken, 100);
}

using StoredRequests = WithInspector;

// What rules find in stored requests is what they find in the capture.
TEST_F(StoredRequests, RulesFindTheSameInStoredRequests) {
  const std::string policy = write(
      "rules.yaml",
      std::string(
          "version: 1\ninterfaces: [{name: eth0}]\nservices: [{name: web, match: [tcp/80, tcp/443], http: {inspect: "
          "true}, session: {cookie: sid}}]\nrules:\n"
          "  - {name: any, when: {count: 1, within: 1m}, then: {action: block, for: 10m}}\n"
          "  - {name: paths, key: session, when: {distinct: path, over: 1, within: 1m},"
          " then: {action: monitor, for: 1h}}\n"
          "  - {name: guess, match: {status: 401, host: www.example.org}, when: {count: 1, within: 1m},"
          " then: {action: limit, packets: 5/s, for: 10m}}\n"));
  const std::string file = capture();
  const Ran direct = run({"rules", "test", "--pcap", file, "--policy", policy, "-o", "json"});
  ASSERT_EQ(direct.exit, 0) << direct.err;
  const Ran stored = run({"inspect", "--pcap", file, "--policy", policy, "-o", "json", "--stats"});
  const std::string requests = write("requests.jsonl", stored.out);
  const Ran again = run({"rules", "test", "--summaries", requests, "--policy", policy, "-o", "json"});
  ASSERT_EQ(again.exit, 0) << again.err;
  const auto findings_of = [](const std::string& text) {
    Json findings = Json::parse(text);
    for (Json& finding : findings) {  // hashes have another key in each run
      if (finding["key"].contains("session")) finding["key"]["session"] = "";
      finding.erase("reason");
    }
    return findings;
  };
  EXPECT_GE(findings_of(direct.out).size(), 2U) << direct.out;
  EXPECT_EQ(findings_of(again.out), findings_of(direct.out));
  run.input = stored.out;
  EXPECT_EQ(run({"rules", "test", "--summaries", "-", "--policy", policy, "-o", "json"}).out, again.out);
}

TEST_F(StoredRequests, BadLinesOfStoredRequestsAreNamedAndTheOthersRead) {
  const std::string policy =
      write("rules.yaml",
            std::string("version: 1\ninterfaces: [{name: eth0}]\nservices: [{name: web, match: [tcp/443], http: "
                        "{inspect: true}}]\nrules: [{name: any, when: {count: 1, within: 1m}, then: {action: block, "
                        "for: 10m}}]\n"));
  inspect::Summary request = inspect::full_summary();
  request.kind = inspect::SummaryKind::kRequest;
  std::string text = "garbage\n\n" + stored_line(request) + std::string(300'000, 'x') + "\n{\"time\":1}";
  const std::string file = write("requests.jsonl", text);
  const Ran ran = run({"rules", "test", "--summaries", file, "--policy", policy, "-o", "json"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(Json::parse(ran.out).size(), 1U);
  EXPECT_THAT(ran.err, HasSubstr(file + ":1: no JSON\n"));
  EXPECT_THAT(ran.err, HasSubstr(file + ":4: longer than 131072 bytes\n"));
  EXPECT_THAT(ran.err, HasSubstr(file + ":5: time is no text\n"));
  EXPECT_THAT(ran.err, HasSubstr("3 lines of 5 could not be read; the others were"));
  request.connection.proven = false;
  const Ran forged = run(
      {"rules", "test", "--summaries", write("forged.jsonl", stored_line(request)), "--policy", policy, "-o", "table"});
  EXPECT_THAT(forged.out, HasSubstr("1 request, 1 of unproven sources left out\n"));
  EXPECT_THAT(forged.out, HasSubstr("1 rule would have decided nothing"));
  request.connection.flow.server.port = 9999;
  const Ran elsewhere =
      run({"rules", "test", "--summaries", write("other.jsonl", stored_line(request)), "--policy", policy});
  EXPECT_EQ(elsewhere.exit, 0);
  EXPECT_THAT(elsewhere.err, HasSubstr("1 request of no service that the policy inspects"));
  EXPECT_EQ(run({"rules", "test", "--policy", policy}).exit, 2);
  EXPECT_EQ(run({"rules", "test", "--policy", policy, "--summaries", file, "--pcap", file}).exit, 2);
  EXPECT_EQ(run({"rules", "test", "--policy", policy, "--summaries", "/nonexistent"}).exit, 1);
}

}  // namespace
}  // namespace tidegate::cli::test
