// SPDX-License-Identifier: Apache-2.0
// Requests under an address that may be forged: nothing comes of them, neither by rules nor by blocked sessions.
#include <gmock/gmock.h>

#include "agent/control/rule_actions.hpp"
#include "agent/control/rule_engine.hpp"
#include "tests/unit/control/fixture.hpp"

namespace tidegate::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

constexpr const char* kPolicy =
    "version: 1\ninterfaces: [{name: eth0}]\n"
    "services: [{name: web, match: [tcp/8080], http: {inspect: true}, session: {cookie: sid}}]\n"
    "rules:\n- {name: guess, match: {status: 401}, when: {count: 3, within: 1m}, then: {action: block, for: 10m}}\n"
    "- {name: abuse, match: {status: 418}, key: session, when: {count: 1, within: 1m},"
    " then: {action: block, for: 10m}}\n";

class ForgedTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    engine_ = std::make_unique<control::RuleEngine>(clock_, behavior::HashSeed{});
    auto environment = this->environment();
    environment.rules = engine_.get();
    controllers_ = std::make_unique<control::Controllers>(std::move(environment));
    engine_->start(control::rule_actions(*controllers_));
    const auto applied = controllers_->policy.apply(request(kPolicy));
    ASSERT_TRUE(applied) << applied.error().message;
  }
  void TearDown() override {
    engine_->stop();
    ControlTest::TearDown();
  }
  void see(bool proven, const std::string& client, std::uint16_t status, unsigned session = 0) {
    engine_->settle();  // the clock is not thread-safe
    clock_.advance(1ms);
    inspect::Summary summary;
    summary.began = clock_.wall();
    summary.connection.flow = {{Address::parse(client).value(), 40000}, {Address::parse("192.0.2.1").value(), 8080}};
    summary.connection.proven = proven;
    summary.service = "web";
    summary.status = status;
    if (session != 0) summary.session.emplace().fill(static_cast<std::byte>(session));
    engine_->take(summary);
    engine_->settle();
  }
  std::vector<std::string> sources() {
    std::vector<std::string> targets;
    for (const auto& [target, entry] : datapath_.blocks) targets.push_back(target.to_string());
    return targets;
  }
  std::vector<std::string> connections() {
    std::vector<std::string> clients;
    for (const auto& [connection, block] : datapath_.flows) clients.push_back(connection.client.to_string());
    return clients;
  }

  std::unique_ptr<control::RuleEngine> engine_;
};

TEST_F(ForgedTest, RequestsBlockNobodyAndAddNothingToOthers) {
  for (int i = 0; i < 20; ++i) see(false, "203.0.113.7", 401);
  for (int i = 0; i < 2; ++i) see(true, "203.0.113.7", 401);
  EXPECT_THAT(sources(), IsEmpty());
  for (const auto& event : telemetry_->events().since(WallTime{}, {}))
    EXPECT_EQ(event.message.find("rule:"), std::string::npos) << event.message;
  const auto report = engine_->report();
  EXPECT_EQ(report.unproven, 20U);
  EXPECT_EQ(report.summaries, 22U);
  EXPECT_EQ(report.rules.at(0).matched, 2U);
  see(true, "203.0.113.7", 401);
  EXPECT_THAT(sources(), ElementsAre("203.0.113.7"));
}

// Whose session is blocked could else have others' connections dropped, by his own cookie under their address.
TEST_F(ForgedTest, RequestsOfABlockedSessionAreNotRecognised) {
  see(true, "203.0.113.7", 418, 1);
  EXPECT_THAT(connections(), ElementsAre("203.0.113.7"));
  see(false, "203.0.113.8", 200, 1);
  EXPECT_THAT(connections(), ElementsAre("203.0.113.7"));
  see(true, "203.0.113.8", 200, 1);
  EXPECT_THAT(connections(), ElementsAre("203.0.113.7", "203.0.113.8"));
}

}  // namespace
}  // namespace tidegate::testing
