// SPDX-License-Identifier: Apache-2.0
// An agent whose rules block sessions and accounts, over fakes of everything else.
#pragma once

#include <gtest/gtest.h>

#include "agent/control/identity_blocks.hpp"
#include "agent/control/rule_actions.hpp"
#include "agent/control/rule_engine.hpp"
#include "tests/unit/control/fixture.hpp"

namespace tidegate::testing {

using namespace std::chrono_literals;

inline constexpr const char* kIdentityServices =
    "version: 1\ninterfaces: [{name: eth0}]\nsafelist: [192.0.2.10]\ntrusted_proxies: [198.51.100.0/24]\n"
    "services:\n"
    "- {name: web, match: [tcp/8080], http: {inspect: true}, session: {cookie: sid}, account: {json: /user}}\n"
    "- {name: shop, match: [tcp/8081], http: {inspect: true}, session: {cookie: sid}}\n";
inline constexpr const char* kIdentityRule =
    "rules: [{name: abuse, match: {path: /bad}, key: session, when: {count: 1, within: 1m},"
    " then: {action: block, for: 10m}}]\n";

inline inspect::IdentityHash hash(unsigned number) {
  inspect::IdentityHash result{};
  result[0] = static_cast<std::byte>(number);
  return result;
}

// A request as tests describe it.
struct Seen {
  std::string client = "203.0.113.7";
  std::uint16_t port = 40000;
  std::string path = "/";
  std::optional<unsigned> session = 1;
  std::optional<unsigned> session_before = std::nullopt;
  std::optional<unsigned> account = std::nullopt;
  std::string service = "web";
  std::string ja4 = "";
  std::optional<std::string> proxied = std::nullopt;
};

class IdentityBlocksTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    restart();
  }
  void TearDown() override {
    engine_->stop();
    ControlTest::TearDown();
  }
  // Another agent over the same datapath and stores.
  void restart() {
    if (engine_) engine_->stop();
    controllers_.reset();
    engine_ = std::make_unique<control::RuleEngine>(clock_, behavior::HashSeed{});
    auto environment = this->environment();
    environment.rules = engine_.get();
    controllers_ = std::make_unique<control::Controllers>(std::move(environment));
    engine_->start(control::rule_actions(*controllers_));
    ASSERT_TRUE(controllers_->decisions.start());
  }
  void apply(const std::string& rules) {
    const auto applied = controllers_->policy.apply(request(std::string(kIdentityServices) + rules));
    ASSERT_TRUE(applied) << applied.error().message;
  }
  static Address address(const std::string& text) { return Address::parse(text).value(); }
  static kernel::Connection connection(std::uint16_t port, const std::string& client = "203.0.113.7") {
    return {address(client), address("192.0.2.1"), port, 443};
  }
  void see(const Seen& seen) {
    engine_->settle();  // the clock is not thread-safe
    clock_.advance(1ms);
    engine_->take(summary_of(seen));
    engine_->settle();
  }
  inspect::Summary summary_of(const Seen& seen) {
    inspect::Summary summary;
    summary.connection.proven = true;
    summary.began = clock_.wall();
    summary.connection.flow = {{address(seen.client), seen.port}, {address("192.0.2.1"), 443}};
    summary.connection.ja4 = seen.ja4;
    if (seen.proxied) summary.proxied = address(*seen.proxied);
    summary.service = seen.service;
    summary.path = summary.path_template = seen.path;
    summary.status = 200;
    if (seen.session) summary.session = hash(*seen.session);
    if (seen.session_before) summary.session_before = hash(*seen.session_before);
    if (seen.account) summary.account = hash(*seen.account);
    return summary;
  }
  // A session that behaves well shares the address.
  void see_neighbour(const std::string& client = "203.0.113.7") {
    see({.client = client, .port = 50000, .session = 99});
  }
  std::vector<control::BlockedIdentity> blocked() { return controllers_->identities.list(); }
  std::vector<std::uint16_t> ports() {
    std::vector<std::uint16_t> ports;
    for (const auto& [connection, block] : datapath_.flows) ports.push_back(connection.client_port);
    return ports;
  }
  std::vector<std::string> sources_blocked() {
    std::vector<std::string> targets;
    for (const auto& [target, entry] : datapath_.blocks) targets.push_back(target.to_string());
    return targets;
  }
  std::string events() {
    std::string text;
    for (const auto& event : telemetry_->events().since(WallTime{}, {})) text += event.message + "\n";
    return text;
  }
  control::WhyReport why(const std::string& client = "203.0.113.7") {
    return controllers_->why.explain(client).value();
  }

  std::unique_ptr<control::RuleEngine> engine_;
};

}  // namespace tidegate::testing
