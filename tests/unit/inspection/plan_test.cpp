// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/config/policy_reader.hpp"

namespace tidegate::inspection {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

Plan plan_of(const std::string& services) {
  const auto parsed = config::read_policy("version: 1\ninterfaces: [eth0, eth1]\ntrusted_proxies: [198.51.100.0/24]\n" +
                                          std::string("services:\n") + services);
  EXPECT_TRUE(parsed.valid()) << (parsed.issues.empty() ? "" : parsed.issues.front().message);
  return make_plan(parsed.policy);
}

std::string service_at(const Plan& plan, const char* address, std::uint16_t port) {
  const auto* service = service_of(plan.settings, *Address::parse(address), port);
  return service == nullptr ? "-" : service->name;
}

TEST(Plan, NothingIsWantedUnlessAServiceAsks) {
  const Plan plan = plan_of("  - {name: web, match: tcp/443}\n  - {name: off, match: tcp/80, tls: {inspect: false}}\n");
  EXPECT_FALSE(plan.wanted);
  EXPECT_THAT(plan.ports, IsEmpty());
  EXPECT_THAT(plan.settings.services, IsEmpty()) << "the inspector is not told of services that it does not see";
}

TEST(Plan, UdpIsNotInspected) {
  EXPECT_FALSE(plan_of("  - {name: quic, match: udp/443, tls: {inspect: true}}\n").wanted);
}

TEST(Plan, PortsInterfacesProxiesAndIdentities) {
  const Plan plan = plan_of(
      "  - {name: web, match: [tcp/443, tcp/8000-8100, udp/443], tls: {inspect: true}, session: {cookie: sid}, "
      "account: {json: /user}}\n  - {name: api, match: [tcp/8101, tcp/8050], http: {inspect: true}}\n");
  EXPECT_TRUE(plan.wanted);
  EXPECT_THAT(plan.services, ElementsAre("web", "api"));
  EXPECT_THAT(plan.interfaces, ElementsAre("eth0", "eth1"));
  EXPECT_THAT(plan.ports, ElementsAre(Pair(443, 443), Pair(8000, 8101)));
  ASSERT_EQ(plan.settings.trusted_proxies.size(), 1U);
  EXPECT_EQ(service_at(plan, "192.0.2.1", 443), "web");
  EXPECT_EQ(service_at(plan, "192.0.2.1", 8050), "api") << "the narrower range wins";
  EXPECT_EQ(service_at(plan, "192.0.2.1", 8051), "web");
  EXPECT_EQ(service_at(plan, "192.0.2.1", 80), "-");
  const auto* web = service_of(plan.settings, *Address::parse("192.0.2.1"), 443);
  EXPECT_EQ(web->session->where, inspect::IdentityField::Where::kCookie);
  EXPECT_EQ(web->session->name, "sid");
  EXPECT_EQ(web->account->where, inspect::IdentityField::Where::kJson);
}

TEST(Plan, MoreSpecificServicesKeepTheirConnections) {
  const Plan plan = plan_of(
      "  - {name: all, match: tcp, http: {inspect: true}}\n  - {name: ssh, match: tcp/22}\n"
      "  - {name: private, match: tcp/443, addresses: [192.0.2.0/24]}\n"
      "  - {name: public, match: tcp/443, addresses: [192.0.2.7], tls: {inspect: true}}\n"
      "  - {name: dns, match: udp/53}\n");
  EXPECT_EQ(service_at(plan, "192.0.2.1", 22), "-");
  EXPECT_EQ(service_at(plan, "192.0.2.1", 80), "all");
  EXPECT_EQ(service_at(plan, "192.0.2.1", 443), "-");
  EXPECT_EQ(service_at(plan, "192.0.2.7", 443), "public") << "the longest address wins";
  EXPECT_EQ(service_at(plan, "203.0.113.1", 443), "all");
}

TEST(Plan, TheDefaultTakesWhatIsLeft) {
  const Plan plan =
      plan_of("  - {name: rest, default: true, http: {inspect: true}}\n  - {name: web, match: tcp/443}\n");
  EXPECT_THAT(plan.ports, ElementsAre(Pair(0, 65535)));
  EXPECT_EQ(service_at(plan, "192.0.2.1", 443), "-");
  EXPECT_EQ(service_at(plan, "192.0.2.1", 8080), "rest");
}

TEST(Plan, ServicesThatDecideNothingAreLeftOut) {
  const Plan plan = plan_of("  - {name: web, match: tcp/443, tls: {inspect: true}}\n  - {name: ssh, match: tcp/22}\n");
  EXPECT_EQ(plan.settings.services.size(), 1U);
}

TEST(Plan, ManyPortsAndAddressesOfOneServiceStayTogether) {
  std::string ports;
  for (int port = 1000; port < 2000; ++port) ports += "tcp/" + std::to_string(port) + ", ";
  const Plan plan =
      plan_of("  - {name: web, match: [" + ports + "tcp/443], tls: {inspect: true}}\n" +
              "  - {name: api, match: tcp/80, addresses: [192.0.2.1, 192.0.2.2], http: {inspect: true}}\n");
  EXPECT_EQ(plan.settings.services.size(), 2U);
}

}  // namespace
}  // namespace tidegate::inspection
