// SPDX-License-Identifier: Apache-2.0
// packaging/rules.yaml: every rule fires at who it is for, and none at those who behave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "tests/unit/behavior/support.hpp"

namespace tidegate::behavior {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

std::string starter_rules() {
  std::ifstream file(std::string(TIDEGATE_SOURCE_DIR) + "/packaging/rules.yaml");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class StarterRules : public ::testing::Test {
 protected:
  StarterRules() : trial_(rules_of("", starter_rules())) { trial_.take({.when = -40min, .source = "198.51.100.99"}); }

  // The names of the rules that fired for `count` requests, `gap` apart.
  std::set<std::string> after(int count, std::chrono::nanoseconds gap, const std::function<Request(int)>& request) {
    std::set<std::string> fired;
    for (int i = 0; i < count; ++i) {
      Request one = request(i);
      one.when = now_;
      now_ += gap;
      for (const Finding& finding : trial_.take(one)) {
        EXPECT_TRUE(finding.shadow) << finding.rule;
        fired.insert(finding.rule);
      }
    }
    return fired;
  }

  Trial trial_;
  std::chrono::nanoseconds now_{0};
};

std::string numbered(const std::string& text, int i) { return text + std::to_string(i); }

TEST_F(StarterRules, LoginBruteforce) {
  EXPECT_THAT(after(10, 1s, [](int) { return Request{.method = "POST", .path = "/login", .status = 401}; }),
              Contains("login-bruteforce"));
}

TEST_F(StarterRules, CredentialStuffing) {
  const auto fired = after(60, 4s, [](int i) {
    return Request{.method = "POST", .path = "/api/login", .status = i % 30 == 29 ? 200 : 401, .account = i};
  });
  EXPECT_THAT(fired, Contains("credential-stuffing"));
}

TEST_F(StarterRules, AttackPayloads) {
  const auto send = [](const char* source, inspect::SummaryKind kind) {
    return [=](int i) {
      return Request{.source = source, .path = "/search", .kind = kind, .attacks = static_cast<std::uint8_t>(1U << i)};
    };
  };
  EXPECT_THAT(after(2, 1min, send("192.0.2.1", inspect::SummaryKind::kPayload)), IsEmpty());
  EXPECT_THAT(after(3, 1min, send("192.0.2.2", inspect::SummaryKind::kPayload)), Contains("attack-payloads"));
}

TEST_F(StarterRules, PathScan) {
  EXPECT_THAT(after(40, 1s, [](int i) { return Request{.path = numbered("/x", i), .status = 404}; }),
              Contains("path-scan"));
}

TEST_F(StarterRules, UndocumentedPaths) {
  const auto ask = [](const char* source, std::uint8_t facts, int paths) {
    return [=](int i) {
      return Request{.source = source, .path = numbered("/x", i % paths), .service = "api", .api = facts};
    };
  };
  EXPECT_THAT(after(40, 1s, ask("192.0.2.1", inspect::kApiUnknownPath, 40)), Contains("undocumented-paths"));
  EXPECT_THAT(after(40, 1s, ask("192.0.2.2", inspect::kApiWrongMethod, 40)), Contains("undocumented-paths"));
  EXPECT_THAT(after(40, 1s, ask("192.0.2.3", 0, 40)), IsEmpty()) << "described";
  EXPECT_THAT(after(40, 1s, ask("192.0.2.4", inspect::kApiUnknownPath, 3)), IsEmpty())
      << "a client that is out of date";
}

TEST_F(StarterRules, KnownScanners) {
  EXPECT_THAT(after(3, 1s, [](int) { return Request{.user_agent = "sqlmap/1.7#stable (https://sqlmap.org)"}; }),
              Contains("known-scanners"));
}

// The agents that these tools have unless told otherwise, as they send them.
TEST_F(StarterRules, KnownScannersByTheirOwnNames) {
  int host = 0;
  for (const char* agent :
       {"gobuster/3.5", "Fuzz Faster U Fool v1.1.0", "Wfuzz/3.1.0", "Mozilla/5.0 (Hydra)", "Mozilla/5.00 (Nikto/2.1.5)",
        "sqlmap/1.7.2#stable (https://sqlmap.org)", "DirBuster-1.0-RC1", "feroxbuster/2.10.0", "WPScan v3.8.22"}) {
    const auto source = "198.51.100." + std::to_string(++host);
    EXPECT_THAT(after(3, 1s, [&](int) { return Request{.source = source, .user_agent = agent}; }),
                Contains("known-scanners"))
        << agent;
  }
}

TEST_F(StarterRules, RequestFlood) {
  EXPECT_THAT(after(7000, 5ms, [](int) { return Request{.path = "/prices"}; }), Contains("request-flood"));
}

TEST_F(StarterRules, ProbingForSecrets) {
  EXPECT_THAT(after(2, 1s, [](int i) { return Request{.path = i == 0 ? "/.env" : "/app/.git/config", .status = 403}; }),
              Contains("probing-for-secrets"));
}

TEST_F(StarterRules, ObjectEnumeration) {
  const auto walk = [&](std::uint16_t status, int count) {
    std::set<std::string> fired;
    for (int i = 0; i < count; ++i) {
      auto summary = summary_of({.when = now_, .path = numbered("/orders/", i), .status = status});
      summary.path_template = "/orders/{}";
      now_ += 100ms;
      std::vector<Finding> findings;
      trial_.evaluator.take(summary, findings);
      for (const Finding& finding : findings) fired.insert(finding.rule);
    }
    return fired;
  };
  EXPECT_THAT(walk(403, 25), Contains("object-enumeration"));
  EXPECT_THAT(walk(200, 1000), Contains("object-harvesting"));
}

TEST_F(StarterRules, PaymentWithoutCheckout) {
  EXPECT_THAT(after(3, 1s, [](int i) { return Request{.method = "POST", .path = numbered("/payment/", i)}; }),
              Contains("payment-without-checkout"));
}

TEST_F(StarterRules, ErrorHarvesting) {
  EXPECT_THAT(after(60, 1s, [](int i) { return Request{.path = "/search", .status = i % 3 == 0 ? 200 : 500}; }),
              Contains("error-harvesting"));
}

TEST_F(StarterRules, OversizedResponses) {
  EXPECT_THAT(after(25, 10s, [](int) { return Request{.path = "/export", .response_bytes = 100'000'000}; }),
              Contains("oversized-responses"));
}

TEST_F(StarterRules, SlowRequests) {
  EXPECT_THAT(after(10, 100ms, [](int) { return Request{.kind = inspect::SummaryKind::kStalled}; }),
              Contains("slow-requests"));
}

TEST_F(StarterRules, TlsHandshakesWithoutRequests) {
  EXPECT_THAT(after(100, 500ms, [](int) { return Request{.kind = inspect::SummaryKind::kHandshake}; }),
              Contains("tls-handshakes-without-requests"));
}

// Six connections ahead of each page, and nothing but the page asked for.
TEST_F(StarterRules, LeaveBrowsersThatConnectAheadAlone) {
  const auto fired = after(2000, 50ms, [](int i) {
    return Request{.kind = i % 7 == 0 ? inspect::SummaryKind::kRequest : inspect::SummaryKind::kHandshake};
  });
  EXPECT_THAT(fired, IsEmpty());
}

TEST_F(StarterRules, LeaveHealthChecksThatShakeHandsAlone) {
  EXPECT_THAT(after(1000, 1s, [](int) { return Request{.kind = inspect::SummaryKind::kHandshake}; }), IsEmpty());
}

TEST_F(StarterRules, LeaveABadLineAlone) {
  const auto fired = after(400, 1s, [](int i) {
    Request request{.session = 1};
    if (i % 20 == 3) request.kind = inspect::SummaryKind::kStalled;
    return request;
  });
  EXPECT_THAT(fired, IsEmpty());
}

TEST_F(StarterRules, UnreadResponses) {
  const auto unread = [](const std::string& source, std::uint64_t size) {
    return [=](int) {
      return Request{
          .source = source, .status = std::nullopt, .response_bytes = size, .kind = inspect::SummaryKind::kUnread};
    };
  };
  EXPECT_THAT(after(10, 1s, unread("192.0.2.1", 0)), Contains("unread-responses"));
  EXPECT_THAT(after(50, 1s, unread("192.0.2.2", 3'000'000)), IsEmpty()) << "players that are paused";
}

TEST_F(StarterRules, RepeatOffender) {
  const auto fired = after(200, 1s, [](int i) {
    return Request{.method = "POST",
                   .path = i < 40 ? "/login" : numbered("/x/.env", i),
                   .status = i < 40 ? 401 : 404,
                   .user_agent = "hydra"};
  });
  EXPECT_THAT(fired, Contains("repeat-offender"));
}

TEST_F(StarterRules, LeaveABrowsingVisitorAlone) {
  const auto fired = after(2000, 200ms, [](int i) {
    Request request{.path = numbered("/page/", i % 60), .session = 1, .response_bytes = 40'000};
    if (i % 100 == 7) request.path = "/favicon.ico", request.status = 404;
    if (i % 400 == 9) request.method = "POST", request.path = "/login", request.status = i % 800 == 9 ? 401 : 200;
    if (i % 500 == 11) request.method = "POST", request.path = "/checkout/cart";
    if (i % 500 == 12) request.method = "POST", request.path = "/payment/card";
    return request;
  });
  EXPECT_THAT(fired, IsEmpty());
}

TEST_F(StarterRules, LeaveAnOfficeBehindOneAddressAlone) {
  const auto fired = after(6000, 20ms, [](int i) {
    Request request{.path = numbered("/doc/", i % 300), .session = i % 40, .response_bytes = 20'000};
    if (i % 50 == 1) request.method = "POST", request.path = "/login", request.status = i % 1000 == 1 ? 401 : 200;
    if (i % 90 == 3) request.path = numbered("/old/", i % 9), request.status = 404;
    if (i % 70 == 5) request.status = 500;
    return request;
  });
  EXPECT_THAT(fired, IsEmpty());
}

TEST_F(StarterRules, LeaveClientsOfAFailingApplicationAlone) {
  EXPECT_THAT(after(500, 500ms, [](int) { return Request{.path = "/app", .status = 503}; }), IsEmpty());
}

TEST_F(StarterRules, LeaveSlowUploadsAndDownloadsAlone) {
  std::vector<Finding> findings;
  for (int i = 0; i < 50; ++i) {
    auto summary = summary_of({.when = std::chrono::seconds(i * 30), .response_bytes = 30'000'000});
    summary.began -= 60s;
    summary.duration = 60s;
    summary.request_bytes = 10'000'000;
    trial_.evaluator.take(summary, findings);
  }
  EXPECT_THAT(findings, IsEmpty());
}

}  // namespace
}  // namespace tidegate::behavior
