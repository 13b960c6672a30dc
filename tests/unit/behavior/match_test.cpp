// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/match.hpp"

#include <gtest/gtest.h>

#include <random>

#include "agent/behavior/rule_index.hpp"
#include "tests/unit/behavior/support.hpp"

namespace tidegate::behavior {
namespace {

constexpr const char* kRest = ", when: {count: 1, within: 1m}, then: {action: monitor, for: 1m}}";

Match match_of(const std::string& text) {
  auto rules = rules_of("{name: r, match: " + text + kRest);
  return rules.rules.empty() ? Match{} : rules.rules[0].match;
}

bool matches(const std::string& match, const Request& request) { return matches(match_of(match), summary_of(request)); }

TEST(Patterns, OfPathsStopAtSlashes) {
  EXPECT_TRUE(matches("{path: \"/users/*\"}", {.path = "/users/7"}));
  EXPECT_FALSE(matches("{path: \"/users/*\"}", {.path = "/users/7/orders"}));
  EXPECT_TRUE(matches("{path: \"/users/*/orders\"}", {.path = "/users/7/orders"}));
  EXPECT_TRUE(matches("{path: \"/payment/**\"}", {.path = "/payment/a/b"}));
  EXPECT_TRUE(matches("{path: \"/payment/**\"}", {.path = "/payment"}));
  EXPECT_FALSE(matches("{path: \"/payment/**\"}", {.path = "/payments"}));
  EXPECT_TRUE(matches("{path: \"/**/.env\"}", {.path = "/.env"}));
  EXPECT_TRUE(matches("{path: \"/**/.env\"}", {.path = "/a/b/.env"}));
  EXPECT_FALSE(matches("{path: \"/**/.env\"}", {.path = "/a.env"}));
  EXPECT_TRUE(matches("{path: \"/**\"}", {.path = "/a/b"}));
  EXPECT_TRUE(matches("{path: \"/**.php\"}", {.path = "/a/b.php"}));
  EXPECT_FALSE(matches("{path: /Login}", {.path = "/login"}));
}

TEST(Flags, AreAnyOfThoseNamed) {
  const auto attack = [](const std::string& match, std::uint8_t attacks) {
    return matches(match, {.kind = inspect::SummaryKind::kPayload, .attacks = attacks});
  };
  EXPECT_TRUE(attack("{attack: sqli}", inspect::kAttackSql | inspect::kAttackCommand));
  EXPECT_TRUE(attack("{attack: [xss, rce]}", inspect::kAttackCommand));
  EXPECT_FALSE(attack("{attack: [xss, rce]}", inspect::kAttackSql | inspect::kAttackTraversal));
  for (unsigned bit = 0; bit < 4; ++bit) EXPECT_TRUE(attack("{attack: any}", static_cast<std::uint8_t>(1U << bit)));
  EXPECT_FALSE(attack("{attack: any}", 0));
  EXPECT_TRUE(mentions(match_of("{any: [{path: /x}, {all: {attack: xss}}]}"), Field::kAttack));
  EXPECT_FALSE(mentions(match_of("{path: /x, not: {attack: xss}}"), Field::kAttack)) << "nothing is asked for";
}

TEST(Flags, OfApiDescriptions) {
  EXPECT_TRUE(matches("{api: unknown_path}", {.api = inspect::kApiUnknownPath}));
  EXPECT_TRUE(matches("{api: [deprecated, invalid_query]}", {.api = inspect::kApiInvalidQuery}));
  EXPECT_FALSE(matches("{api: [deprecated, invalid_query]}", {.api = inspect::kApiInvalidPath}));
  EXPECT_FALSE(matches("{api: any}", {}));
  EXPECT_TRUE(needs_description(match_of("{any: [{api: any}, {all: {operation: x}}]}")));
  EXPECT_FALSE(needs_description(match_of("{any: [{api: any}, {path: /x}]}")));
  EXPECT_FALSE(needs_description(match_of("{operation: {missing: true}, not: {api: any}}")));
}

TEST(Operations, HaveTheNamesOfTheirService) {
  const auto names = std::make_shared<const OperationNames>(OperationNames{{"web", {"getUser", "GET /x"}}});
  const auto of = [&](const std::string& text, const Request& request) {
    Match match = match_of(text);
    name_operations(match, names);
    return matches(match, summary_of(request));
  };
  EXPECT_TRUE(of("{operation: getUser}", {.operation = 1}));
  EXPECT_FALSE(of("{operation: getuser}", {.operation = 1})) << "case matters";
  EXPECT_TRUE(of("{any: {not: {operation: \"get*\"}}}", {.operation = 2}));
  EXPECT_FALSE(of("{operation: \"*\"}", {.operation = 3})) << "of a description that is no longer there";
  EXPECT_FALSE(of("{operation: \"*\"}", {.service = "other", .operation = 1}));
  EXPECT_TRUE(of("{operation: {missing: true}}", {}));
  EXPECT_FALSE(matches("{operation: getUser}", {.operation = 1})) << "no names are known";
}

TEST(Patterns, TakeMetaCharactersForThemselves) {
  EXPECT_TRUE(matches("{path: \"/a.(b)[c]+/*\"}", {.path = "/a.(b)[c]+/x"}));
  EXPECT_FALSE(matches("{path: \"/a./*\"}", {.path = "/ab/x"}));
  EXPECT_TRUE(matches("{path: \"/*\"}", {.path = std::string("/\xff\x80", 3)})) << "bytes, not UTF-8";
}

TEST(Patterns, AreRegularExpressionsWhereAsked) {
  EXPECT_TRUE(matches("{path: {regex: \"^/api/v[0-9]+/\"}}", {.path = "/api/v2/x"}));
  EXPECT_FALSE(matches("{path: {regex: \"^/api/v[0-9]+/\"}}", {.path = "/x/api/v2/"}));
  EXPECT_TRUE(matches("{path: {regex: [\"a$\", \"b$\"]}}", {.path = "/b"}));
  EXPECT_TRUE(matches("{user_agent: {regex: \"^nikto\"}}", {.user_agent = "NIKTO/2"})) << "case does not matter";
}

TEST(Patterns, TakeLinearTime) {
  const Match match = match_of("{path: {regex: \"(a+)+$\"}}");
  EXPECT_FALSE(matches(match, summary_of({.path = "/" + std::string(2000, 'a') + "!"})));
}

TEST(Matches, CompareEveryField) {
  auto summary = summary_of({.method = "POST", .path = "/a", .status = 404, .response_bytes = 5000});
  summary.host = "Shop.example:8443";
  summary.connection.sni = "shop.example";
  summary.query_keys = {"id", "q"};
  summary.request_bytes = 2000;
  summary.grpc_status = 7;
  summary.duration = 31s;
  const auto holds = [&](const std::string& text) { return matches(match_of(text), summary); };
  for (const char* yes : {"{method: [PUT, POST]}",
                          "{status: 404}",
                          "{status: 4xx}",
                          "{status: [200, 4xx]}",
                          "{host: shop.example}",
                          "{host: \"*.EXAMPLE\"}",
                          "{sni: shop.example}",
                          "{query: id}",
                          "{query: \"i*\"}",
                          "{grpc_status: [5, 7]}",
                          "{grpc_status: {over: 6}}",
                          "{request_bytes: {over: 1kB}}",
                          "{response_bytes: {over: 4kB, under: 6kB}}",
                          "{duration: {over: 30s}}",
                          "{tls: \"1.3\"}",
                          "{http: [\"1.1\"]}",
                          "{ja4: \"t13d*\"}",
                          "{template: /a}",
                          "{any: [{method: GET}, {status: 404}]}",
                          "{all: [{method: POST}, {status: 404}]}",
                          "{not: {method: GET}}",
                          "{not: [{method: GET}, {status: 2xx}]}",
                          "{user_agent: {missing: false}}"}) {
    EXPECT_TRUE(holds(yes)) << yes;
  }
  for (const char* no : {"{method: GET}", "{status: 2xx}", "{status: none}", "{host: example}", "{sni: other.example}",
                         "{query: x}", "{query: {missing: true}}", "{grpc_status: 0}", "{request_bytes: {over: 2kB}}",
                         "{response_bytes: {under: 5kB}}", "{duration: {under: 31s}}", "{tls: none}", "{http: \"2\"}",
                         "{ja4: T13D*}", "{any: [{method: GET}, {status: 200}]}", "{method: POST, status: 200}",
                         "{not: {method: POST}}", "{user_agent: {missing: true}}"}) {
    EXPECT_FALSE(holds(no)) << no;
  }
}

TEST(Matches, KnowWhenThereWasNoResponse) {
  EXPECT_TRUE(matches("{status: none}", {.status = std::nullopt}));
  EXPECT_FALSE(matches("{status: 4xx}", {.status = std::nullopt}));
  EXPECT_FALSE(matches("{grpc_status: 0}", {}));
  EXPECT_TRUE(matches("{user_agent: {missing: true}}", {.user_agent = ""}));
  EXPECT_FALSE(matches("{user_agent: \"*\"}", {.user_agent = ""}));
}

TEST(Hosts, LoseTheirPort) {
  EXPECT_EQ(host_of("a.example:443"), "a.example");
  EXPECT_EQ(host_of("[2001:db8::1]:443"), "[2001:db8::1]");
  EXPECT_EQ(host_of("[broken"), "[broken");
  EXPECT_EQ(host_of(""), "");
}

// Rules of all shapes; the index has to offer at least those that match.
TEST(RuleIndexes, OfferEveryRuleThatMatches) {
  std::string text;
  int number = 0;
  for (const char* match : {"{path: /a}",
                            "{path: \"/a/**\"}",
                            "{path: \"/a/b/**\"}",
                            "{path: \"/a/b/c/d/e/**\"}",
                            "{path: \"/*/b\"}",
                            "{path: [/a, /b]}",
                            "{path: {regex: b}}",
                            "{template: /a/b}",
                            "{template: \"/a/*\"}",
                            "{status: 404}",
                            "{status: 4xx}",
                            "{method: POST}",
                            "{method: [GET, PUT]}",
                            "{user_agent: \"*moz*\"}",
                            "{not: {status: 404}}",
                            "{any: [{path: /a}, {path: /b}]}",
                            "{any: [{path: /a}, {status: 404}]}",
                            "{all: [{path: /a}, {method: GET}]}",
                            "{status: [200, none]}",
                            "{path: \"/a*\"}"}) {
    for (const char* service : {"", "service: web, ", "service: api, "}) {
      text += (number == 0 ? "" : ", ") + std::string("{name: r") + std::to_string(number) + ", " + service +
              "match: " + match + kRest;
      ++number;
    }
  }
  const RuleSet rules = rules_of(text);
  RuleIndex index(rules.rules);
  std::mt19937 random(5);
  const auto one_of = [&](const std::vector<std::string>& words) { return words[random() % words.size()]; };
  std::size_t offered = 0;
  for (int i = 0; i < 3000; ++i) {
    Request request{
        .method = one_of({"GET", "POST", "PUT"}),
        .path = one_of({"/", "/a", "/a/", "/b", "/a/b", "/a/b/c", "/a/b/c/d/e", "/a/b/c/d/e/f", "/abc", "", "x"}),
        .service = one_of({"web", "api", "other"})};
    const unsigned status = random() % 4;
    request.status = status == 0 ? std::nullopt : std::optional<std::uint16_t>(std::array{200, 404, 403}[status - 1]);
    const auto summary = summary_of(request);
    const auto& candidates = index.candidates(summary);
    offered += candidates.size();
    EXPECT_TRUE(std::is_sorted(candidates.begin(), candidates.end()));
    EXPECT_EQ(std::adjacent_find(candidates.begin(), candidates.end()), candidates.end());
    for (std::uint32_t n = 0; n < index.observers().size(); ++n) {
      const auto& observer = index.observers()[n];
      const auto& service = rules.rules[observer.rule].service;
      if (service && *service != summary.service) continue;
      if (!matches(*observer.match, summary)) continue;
      ASSERT_TRUE(std::binary_search(candidates.begin(), candidates.end(), n))
          << rules.rules[observer.rule].name << " " << request.path;
    }
  }
  EXPECT_LT(offered, 3000U * number / 3) << "not nearly all of them";
}

}  // namespace
}  // namespace tidegate::behavior
