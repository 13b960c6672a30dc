// SPDX-License-Identifier: Apache-2.0
// Random policies and random packets: the tables answer what the model says.
#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "agent/policy/match.hpp"
#include "tests/unit/policy/make.hpp"
#include "tests/unit/policy/reference.hpp"

namespace tidegate::policy {
namespace {

constexpr unsigned kPolicies = 400;
constexpr unsigned kPackets = 400;

// Small worlds, so that prefixes nest, ranges overlap and packets hit their edges.
class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}

  unsigned below(unsigned n) { return static_cast<unsigned>(engine_() % n); }
  bool chance(unsigned percent) { return below(100) < percent; }

  Address address() {
    if (chance(50)) return Address::from_v4(0xcb007100U + (below(4) << 20) + below(64));
    if (chance(10)) return {below(2) == 0 ? 0 : ~0ULL, below(2) == 0 ? 0 : ~0ULL};
    return {0x20010db8ULL << 32 | below(4), static_cast<std::uint64_t>(below(4)) << 62 | below(64)};
  }
  Prefix prefix() {
    const Address around = address();
    constexpr unsigned v4[] = {96, 104, 108, 120, 122, 126, 127, 128};
    constexpr unsigned v6[] = {0, 1, 16, 32, 48, 63, 64, 65, 66, 80, 122, 127, 128};
    return Prefix::around(around, around.is_v4() ? v4[below(std::size(v4))] : v6[below(std::size(v6))]);
  }
  Match match() {
    constexpr std::uint8_t protocols[] = {6, 17, 6, 17, 132, 1, 47, 0, 255};
    Match match{.protocol = protocols[below(std::size(protocols))], .ports = {}, .location = {}};
    const bool has_ports = match.protocol == 6 || match.protocol == 17 || match.protocol == 132;
    if (!has_ports || chance(20)) return match;
    const auto low = chance(5) ? 0U : below(40);
    const unsigned widths[] = {0, 0, 1, 2, 5, 10, 65535 - low};
    match.ports = {static_cast<std::uint16_t>(low), static_cast<std::uint16_t>(low + widths[below(std::size(widths))])};
    return match;
  }
  Packet packet() {
    constexpr std::uint8_t protocols[] = {6, 17, 132, 1, 47, 0, 255, 89};
    Packet packet{.source = address(),
                  .destination = address(),
                  .protocol = protocols[below(std::size(protocols))],
                  .port = {},
                  .ifindex = 1 + below(3)};
    const bool has_ports = packet.protocol == 6 || packet.protocol == 17 || packet.protocol == 132;
    if (has_ports && chance(85)) packet.port = static_cast<std::uint16_t>(chance(10) ? 65535 : below(60));
    return packet;
  }

 private:
  std::mt19937_64 engine_;
};

const std::string kInterfaces[] = {"eth0", "eth1", "eth9"};  // eth9 does not exist

unsigned ifindex_of(const std::string& name) { return name == "eth0" ? 1 : name == "eth1" ? 2 : 0; }

SafelistEntry random_safelisted(Dice& dice) {
  SafelistEntry entry{.prefix = dice.prefix(), .ceiling = {}, .interface = {}, .location = {}};
  if (dice.chance(50)) entry.ceiling = per_second(10 + dice.below(1000));
  if (dice.chance(40)) entry.interface = kInterfaces[dice.below(3)];
  return entry;
}

Policy random_policy(Dice& dice) {
  Policy policy = policy_of({});
  const unsigned services = dice.below(8);
  for (unsigned i = 0; i < services; ++i) {
    Service service;
    service.name = "s" + std::to_string(i);
    for (unsigned n = 1 + dice.below(4); n > 0; --n) service.match.push_back(dice.match());
    if (dice.chance(60)) {
      for (unsigned n = 1 + dice.below(4); n > 0; --n) service.addresses.push_back(dice.prefix());
    }
    policy.services.push_back(service);
  }
  if (dice.chance(50)) policy.services.push_back(default_service("rest"));
  for (unsigned n = dice.below(10); n > 0; --n) policy.safelist.push_back(random_safelisted(dice));
  for (unsigned n = dice.below(4); n > 0; --n) {
    policy.trusted_proxies.push_back({dice.prefix(), per_second(2000 + dice.below(100)), {}});
  }
  return policy;
}

std::string describe(const Policy& policy, const Packet& packet) {
  std::ostringstream text;
  for (const Service& service : policy.services) {
    text << service.name << ":";
    for (const Match& match : service.match) text << " " << format_match(match);
    for (const Prefix& prefix : service.addresses) text << " @" << prefix.to_string();
    text << "\n";
  }
  for (const SafelistEntry& entry : policy.safelist) {
    text << "safe " << entry.prefix.to_string() << " " << entry.interface.value_or("*") << "\n";
  }
  for (const TrustedProxy& proxy : policy.trusted_proxies) text << "proxy " << proxy.prefix.to_string() << "\n";
  text << packet.source.to_string() << " -> " << packet.destination.to_string() << " " << unsigned{packet.protocol}
       << "/" << (packet.port ? std::to_string(*packet.port) : "-") << " on " << packet.ifindex;
  return text.str();
}

TEST(Property, TablesAgreeWithTheModel) {
  unsigned compiled_policies = 0;
  for (unsigned seed = 1; seed <= kPolicies; ++seed) {
    Dice dice(seed);
    const Policy policy = random_policy(dice);
    CompileInput input = input_of(policy);
    input.ifindex_of = ifindex_of;
    for (unsigned n = dice.below(3); n > 0; --n) input.extra_safelist.push_back(random_safelisted(dice));
    const auto compiled = compile(input);
    if (!compiled) continue;  // collisions and twice-named sources have tests of their own
    ++compiled_policies;
    for (unsigned i = 0; i < kPackets; ++i) {
      const Packet packet = dice.packet();
      ASSERT_EQ(service_by_tables(*compiled, packet), service_by_model(policy, packet)) << "seed " << seed << "\n"
                                                                                        << describe(policy, packet);
      ASSERT_EQ(source_by_tables(*compiled, packet), source_by_model(input, packet)) << "seed " << seed << "\n"
                                                                                     << describe(policy, packet);
    }
  }
  EXPECT_GT(compiled_policies, kPolicies / 4) << "too few random policies are valid to prove anything";
}

// Whenever the compiler accepts a policy, no packet has two equally specific services: the order does not matter.
TEST(Property, TheOrderOfServicesDoesNotMatter) {
  for (unsigned seed = 1; seed <= kPolicies; ++seed) {
    Dice dice(seed);
    Policy policy = random_policy(dice);
    const auto compiled = compile(input_of(policy));
    Policy reversed = policy;
    std::reverse(reversed.services.begin(), reversed.services.end());
    const auto compiled_reversed = compile(input_of(reversed));
    ASSERT_EQ(compiled.has_value(), compiled_reversed.has_value()) << "seed " << seed;
    if (!compiled) continue;
    for (unsigned i = 0; i < kPackets / 4; ++i) {
      const Packet packet = dice.packet();
      ASSERT_EQ(service_by_tables(*compiled, packet), service_by_tables(*compiled_reversed, packet))
          << "seed " << seed << "\n"
          << describe(policy, packet);
    }
  }
}

}  // namespace
}  // namespace tidegate::policy
