// SPDX-License-Identifier: Apache-2.0
// An agent with behaviour rules over fakes of everything else.
#pragma once

#include <gtest/gtest.h>

#include "agent/control/rule_actions.hpp"
#include "agent/control/rule_engine.hpp"
#include "tests/unit/control/fixture.hpp"

namespace tidegate::testing {

using namespace std::chrono_literals;

inline constexpr const char* kServices =
    "version: 1\ninterfaces: [{name: eth0}]\nsafelist: [192.0.2.10]\ntrusted_proxies: [198.51.100.0/24]\n"
    "services: [{name: web, match: [tcp/8080], http: {inspect: true}, session: {cookie: sid}}]\n";
inline constexpr const char* kRule =
    "rules: [{name: guess, match: {status: 401}, when: {count: 3, within: 1m}, then: {action: block, for: 10m}}]\n";

class RuleEngineTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    boot_with_rules();
  }
  void TearDown() override {
    engine_->stop();
    ControlTest::TearDown();
  }

  void boot_with_rules() {
    controllers_.reset();
    engine_ = std::make_unique<control::RuleEngine>(clock_, behavior::HashSeed{.first = ++boots_, .second = 7});
    auto environment = this->environment();
    environment.rules = engine_.get();
    controllers_ = std::make_unique<control::Controllers>(std::move(environment));
    engine_->start(control::rule_actions(*controllers_));
  }

  // kill -9 and a new start: what was not stored is gone.
  void restart() {
    engine_->stop();
    crash();
    boot_with_rules();
    ASSERT_TRUE(controllers_->start());
  }

  // The one event with this in its message.
  telemetry::Event event_with(const std::string& text) {
    for (const auto& event : telemetry_->events().since(WallTime{}, {})) {
      if (event.message.find(text) != std::string::npos) return event;
    }
    ADD_FAILURE() << text << " is in none of\n" << events();
    return {};
  }

  void apply(const std::string& rules) {
    const auto applied = controllers_->policy.apply(request(std::string(kServices) + rules));
    ASSERT_TRUE(applied) << applied.error().message;
  }

  void requests(const std::string& source, int count, std::uint16_t status = 401,
                std::optional<inspect::IdentityHash> session = std::nullopt) {
    for (int i = 0; i < count; ++i) {
      engine_->settle();  // the clock is not thread-safe
      clock_.advance(1ms);
      inspect::Summary summary;
      summary.connection.proven = true;
      summary.began = clock_.wall();
      summary.connection.flow.client.address = Address::parse(source).value();
      summary.service = "web";
      summary.method = "POST";
      summary.path = summary.path_template = "/login";
      summary.status = status;
      summary.session = session;
      engine_->take(summary);
    }
    engine_->settle();
  }

  std::vector<decisions::Decision> decided() {
    std::vector<decisions::Decision> all;
    EXPECT_TRUE(controllers_->decisions.list({}, [&](const decisions::Decision& decision) {
      all.push_back(decision);
      return true;
    }));
    return all;
  }

  std::string events() {
    std::string text;
    for (const auto& event : telemetry_->events().since(WallTime{}, {})) text += event.message + "\n";
    return text;
  }

  std::unique_ptr<control::RuleEngine> engine_;
  std::uint64_t boots_ = 0;
};

}  // namespace tidegate::testing
