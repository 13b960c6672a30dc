// SPDX-License-Identifier: Apache-2.0
// Behaviour rules alone: how many summaries a second go through them on one core, and what they remember of a key.
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "agent/behavior/evaluator.hpp"
#include "agent/config/policy_reader.hpp"
#include "tests/bench/behavior_memory.hpp"
#include "tests/bench/samples.hpp"

namespace tidegate::bench {
namespace {

using behavior::RuleSet;
using namespace std::chrono_literals;

constexpr std::size_t kSummaries = 1 << 16;
constexpr unsigned kSources = 10'000;

// Ten kinds of rules, each on paths of its own but for one in ten, which are about every path.
std::string rule(unsigned i) {
  const std::string n = std::to_string(i);
  const std::string path = "path: \"/api/v1/r" + n + "/**\"";
  const auto text = [&](const std::string& match, const std::string& when) {
    return "  - {name: r" + n + ", match: {" + match + "}, when: {" + when + "}, then: {action: block, for: 10m}}\n";
  };
  switch (i % 10) {
    case 0:
      return text("path: /login" + n + ", method: POST, status: [401, 403]", "count: 10, within: 1m");
    case 1:
      return text(path + ", status: 404", "distinct: path, over: 30, within: 1m");
    case 2:
      return text(path, "ratio: {status: 4xx}, over: 0.9, min: 50, within: 5m");
    case 3:
      return text(path, "sum: response_bytes, over: 1GB, within: 10m");
    case 4:
      return text(path + ", method: POST", "without: {path: /checkout" + n + ", status: 2xx}, count: 3, within: 30m");
    case 5:
      return text(path, "after: [{path: /a" + n + "}, {path: /b" + n + "}], within: 1m");
    case 6:
      return text(path + ", user_agent: [\"*sqlmap*\", \"*nikto*\"]", "count: 1, within: 1m");
    case 7:
      return text(path + ", status: 5xx", "count: 100, within: 1m");
    case 8:
      return text("template: /t" + n, "distinct: user_agent, over: 20, within: 1h");
    default:
      return text("path: /slow" + n + ", duration: {over: 30s}", "count: 5, within: 10m");
  }
}

// What a host has beside them, whatever their number: rules about every request.
constexpr const char* kGeneral =
    "  - {name: scan, match: {status: 404}, when: {distinct: path, over: 30, within: 1m}, then: {action: block, for: "
    "1h}}\n"
    "  - {name: errors, match: {status: [4xx, 5xx]}, when: {count: 100, within: 1m}, then: {action: block, for: 1h}}\n"
    "  - {name: tools, match: {user_agent: [\"*sqlmap*\", \"*nikto*\", \"*gobuster*\"]}, when: {count: 1, within: 1m}, "
    "then: {action: "
    "block, for: 1h}}\n"
    "  - {name: posts, match: {method: POST}, when: {count: 600, within: 1m}, then: {action: block, for: 1h}}\n";

RuleSet rules(unsigned count) {
  std::string text = "version: 1\nservices: [{name: web, match: [tcp/443], tls: {inspect: true}}]\nrules:\n";
  text += kGeneral;
  for (unsigned i = 0; i + 4 < count; ++i) text += rule(i);
  auto parsed = config::read_policy(text);
  if (!parsed.valid()) {
    for (const auto& issue : parsed.issues) std::fprintf(stderr, "%s\n", config::format_issue("rules", issue).c_str());
    std::exit(1);
  }
  return std::move(parsed.rules);
}

std::vector<inspect::Summary> traffic() {
  std::mt19937 random(1);
  std::vector<inspect::Summary> summaries(kSummaries);
  for (auto& summary : summaries) {
    summary.service = "web";
    summary.connection.flow.client.address =
        Address::from_v4(0x0a000000U + static_cast<std::uint32_t>(random() % kSources));
    summary.connection.proven = true;
    summary.connection.ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1";
    summary.method = random() % 5 == 0 ? "POST" : "GET";
    // The paths of all rules of the small set get their share.
    const auto n = std::to_string(random() % 46);
    summary.path = random() % 3 == 0 ? "/static/app.js" : "/api/v1/r" + n + "/items/" + std::to_string(random() % 1000);
    summary.path_template = "/api/v1/r" + n + "/items/{}";
    const auto luck = random() % 100;
    summary.status = luck < 90 ? 200 : luck < 97 ? 404 : 500;
    summary.response_bytes = random() % 100'000;
    summary.user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    summary.duration = 5ms;
  }
  return summaries;
}

// Time that this thread had a core: others on the machine do not change the figure.
std::chrono::nanoseconds core_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Summaries a second of a core; at 20,000 a second of their own time.
double measure(unsigned count, std::vector<inspect::Summary>& summaries, std::chrono::nanoseconds wanted) {
  behavior::Evaluator evaluator(rules(count), {1, 2});
  std::vector<behavior::Finding> findings;
  WallTime now{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}};
  std::uint64_t done = 0;
  const auto began = core_time();
  auto spent = 0ns;
  while (spent < wanted) {
    for (auto& summary : summaries) {
      now += 50us;
      summary.began = now;
      evaluator.take(summary, findings);
    }
    findings.clear();
    done += summaries.size();
    spent = core_time() - began;
  }
  return static_cast<double>(done) / std::chrono::duration<double>(spent).count();
}

Status run(const Settings& settings) {
  const auto wanted = std::chrono::nanoseconds(static_cast<std::int64_t>(settings.milliseconds * 1e7));
  auto summaries = traffic();
  for (unsigned round = 0; round < settings.rounds; ++round) {
    for (const unsigned count : {50U, 1000U}) {
      emit("sample", {{"bench", "behavior"},
                      {"name", "rules-" + std::to_string(count)},
                      {"round", std::int64_t{round}},
                      {"unit", "1/s"},
                      {"value", measure(count, summaries, wanted)}});
    }
  }
  return measure_memory(settings);
}

}  // namespace
}  // namespace tidegate::bench

int main(int argc, char** argv) { return tidegate::bench::run_bench(argc, argv, tidegate::bench::run); }
