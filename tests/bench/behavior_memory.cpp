// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/behavior_memory.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "agent/behavior/evaluator.hpp"
#include "agent/config/policy_reader.hpp"

namespace tidegate::bench {
namespace {

using namespace std::chrono_literals;
using inspect::Summary;

constexpr auto kSpan = 30min;
constexpr WallTime kBegin{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}};

Result<behavior::RuleSet> starter_rules() {
  std::ifstream file(TIDEGATE_SOURCE_DIR "/packaging/rules.yaml");
  std::stringstream text;
  text << "version: 1\nservices: [{name: web, match: [tcp/443], tls: {inspect: true}}]\nbehavior: "
          "{memory: 1GB}\n"
       << file.rdbuf();
  auto parsed = config::read_policy(text.str());
  if (parsed.valid()) return std::move(parsed.rules);
  return fail(ErrorCode::kInternal, config::format_issue("rules.yaml", parsed.issues.front()));
}

// What hosts do on the web, one request after the other, in the order in which they happen.
class Traffic {
 public:
  explicit Traffic(std::uint32_t hosts) : hosts_(hosts) {}

  // `when` after kBegin, by `host`: of twenty hosts seventeen are visitors, two programs that use an API, one attacks.
  Summary next(std::chrono::nanoseconds when, std::uint32_t host) {
    Summary summary;
    summary.service = "web";
    summary.began = kBegin + when;
    summary.duration = 20ms;
    summary.connection.flow.client.address = Address::from_v4(0x0a000000U + host);
    summary.connection.proven = true;
    summary.method = "GET";
    summary.status = std::uint16_t{200};
    summary.user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    summary.response_bytes = 1000 + random_() % 60'000;
    set_path(summary, "/items/", 400);
    const std::uint32_t kind = host % 20;
    if (kind == 19) {
      attack(summary, host / 20);
    } else if (kind >= 17) {
      set_path(summary, "/api/objects/", 40);
    } else {
      visit(summary);
    }
    return summary;
  }

  // Who is next: programs ask thirty times as often as visitors, attackers ten times.
  std::uint32_t who() {
    const auto luck = static_cast<std::uint32_t>(random_() % 87);
    const auto twenty = static_cast<std::uint32_t>(random_() % (hosts_ / 20)) * 20;
    if (luck >= 77) return twenty + 19;
    return twenty + (luck < 17 ? luck : 17 + luck % 2);
  }

 private:
  void set_path(Summary& summary, const std::string& folder, unsigned objects) {
    summary.path = folder + std::to_string(random_() % objects);
    summary.path_template = folder + "{}";
  }
  static void plain(Summary& summary, const char* method, const char* path, std::uint16_t status) {
    summary.method = method;
    summary.path = summary.path_template = path;
    summary.status = status;
  }

  void visit(Summary& summary) {
    const auto luck = random_() % 100;
    if (luck < 3) plain(summary, "GET", "/favicon.ico", 404);
    if (luck == 3) plain(summary, "POST", "/login", 401);
    if (luck == 4 || luck == 5) plain(summary, "POST", "/login", 303);
    if (luck == 6) plain(summary, "POST", "/checkout", 200);
    if (luck == 7) plain(summary, "POST", "/payment/card", 200);
    if (luck == 8) set_path(summary, "/gone/", 30), summary.status = std::uint16_t{404};
    if (luck == 9) plain(summary, "GET", "/report", 500);
    if (luck > 60) set_path(summary, "/assets/", 40), summary.path += ".js";
  }

  void attack(Summary& summary, std::uint32_t number) {
    switch (number % 7) {
      case 0:
        return plain(summary, "POST", "/login", 401);
      case 1:
        set_path(summary, "/", 100'000);
        summary.status = std::uint16_t{404};
        return;
      case 2:
        summary.user_agent = "sqlmap/1.7";
        return plain(summary, "GET", "/search", 500);
      case 3:
        set_path(summary, "/orders/", 100'000);
        summary.status = std::uint16_t{403};
        return;
      case 4:
        return set_path(summary, "/objects/", 100'000);
      case 5:
        return plain(summary, "POST", "/payment/card", 200);
      default:
        summary.duration = 60s;
        return plain(summary, "POST", "/upload", 408);
    }
  }

  std::mt19937 random_{1};
  std::uint32_t hosts_;
};

const char* kind_of(const behavior::Rule& rule) {
  static constexpr const char* kKinds[] = {"count", "sum", "distinct", "ratio", "without", "after", "repeat"};
  return kKinds[rule.when.what.index()];
}

void report(const std::string& name, double value) {
  emit("sample", {{"bench", "behavior"}, {"name", name}, {"round", std::int64_t{0}}, {"unit", "B"}, {"value", value}});
}

double at_share(std::vector<std::size_t>& sizes, double share) {
  const auto at = sizes.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(sizes.size() - 1));
  std::nth_element(sizes.begin(), at, sizes.end());
  return static_cast<double>(*at);
}

void report_keys(const behavior::Evaluator& evaluator) {
  std::map<std::string, std::vector<std::size_t>> sizes;
  std::size_t largest_set = 0;
  evaluator.each_key([&](std::uint32_t number, std::size_t slot, std::size_t heap) {
    const behavior::Rule& rule = evaluator.rules().rules[number];
    sizes[kind_of(rule)].push_back(slot + heap);
    sizes["any"].push_back(slot + heap);
    if (std::holds_alternative<behavior::DistinctCondition>(rule.when.what)) largest_set = std::max(largest_set, heap);
  });
  report("distinct-set-most", static_cast<double>(largest_set));
  for (auto& [kind, found] : sizes) {
    report("key-" + kind + "-median", at_share(found, 0.5));
    report("key-" + kind + "-most", at_share(found, 1));
  }
}

}  // namespace

Status measure_memory(const Settings& settings) {
  TIDEGATE_ASSIGN(auto rules, starter_rules());
  behavior::Evaluator evaluator(std::move(rules), {1, 2});
  const std::uint32_t hosts = settings.quick ? 1000 : 20'000;
  const std::int64_t requests = std::int64_t{hosts} * 100;
  Traffic traffic(hosts);
  std::vector<behavior::Finding> findings;
  for (std::int64_t i = 0; i < requests; ++i) {
    evaluator.take(traffic.next(std::chrono::nanoseconds(kSpan) / requests * i, traffic.who()), findings);
    findings.clear();
  }
  if (evaluator.statistics().evicted != 0)
    return fail(ErrorCode::kInternal, "keys were evicted: raise behavior.memory");
  report_keys(evaluator);
  return {};
}

}  // namespace tidegate::bench
