// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/behavior/support.hpp"

#include <gtest/gtest.h>

namespace tidegate::behavior {

inspect::IdentityHash identity(unsigned number) {
  inspect::IdentityHash hash{};
  for (std::size_t i = 0; i < 4; ++i) hash[i] = static_cast<std::byte>(number >> (8 * i));
  return hash;
}

inspect::Summary summary_of(const Request& request) {
  inspect::Summary summary;
  summary.duration = 1ms;
  summary.began = kStart + request.when - summary.duration;
  summary.connection.flow = {{Address::parse(request.source).value(), 40000},
                             {Address::parse("203.0.113.1").value(), 443}};
  summary.connection.tls = inspect::TlsVersion::k13;
  summary.connection.ja4 = request.ja4;
  summary.connection.proven = request.proven;
  summary.service = request.service;
  if (request.proxied) summary.proxied = Address::parse(*request.proxied).value();
  summary.kind = request.kind;
  if (request.kind == inspect::SummaryKind::kHandshake) return summary;
  summary.method = request.method;
  summary.path = request.path;
  summary.path_template = request.path;
  if (request.kind != inspect::SummaryKind::kStalled) summary.status = request.status;
  summary.response_bytes = request.response_bytes;
  summary.user_agent = request.user_agent;
  summary.attacks = request.attacks;
  summary.api_facts = request.api;
  summary.api_operation = request.operation;
  if (request.session) summary.session = identity(*request.session);
  if (request.account) summary.account = identity(*request.account);
  return summary;
}

RuleSet rules_of(const std::string& rules, const std::string& rest) {
  auto parsed = config::read_policy(
      "version: 1\nservices:\n"
      "  - {name: web, match: [tcp/443], tls: {inspect: true}, session: {cookie: sid}, account: {json: /user}}\n"
      "  - {name: api, match: [tcp/8443], tls: {inspect: true}, openapi: api.yaml, payloads: {sample: 1}}\n"
      "  - {name: shop, match: [tcp/9443], tls: {inspect: true}, account: {form: user}}\n" +
      (rules.empty() ? "" : "rules: [" + rules + "]\n") + rest);
  for (const auto& issue : parsed.issues)
    if (!issue.warning) ADD_FAILURE() << config::format_issue("policy", issue);
  return std::move(parsed.rules);
}

std::vector<Finding> Trial::take(const Request& request) {
  std::vector<Finding> findings;
  evaluator.take(summary_of(request), findings);
  evaluator.judge(evaluator.held_so_far(), findings);
  return findings;
}

std::vector<std::string> Trial::fire(const Request& request) {
  std::vector<std::string> names;
  for (const Finding& finding : take(request))
    names.push_back(finding.rule + (finding.acts_on_source() ? "!" : finding.enforced() ? "~" : ""));
  return names;
}

}  // namespace tidegate::behavior
