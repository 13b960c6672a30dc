// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/wire/settings_parts.hpp"

#include <gtest/gtest.h>

namespace tidegate::inspect::wire {
namespace {

Settings sample_settings(std::size_t services) {
  Settings settings;
  settings.everything = true;
  settings.memory_bytes = 128'000'000;
  settings.sample = 0.25;
  settings.sample_seed = 0x5eed;
  settings.identity_key.fill(std::byte{3});
  if (services % 2 == 0) settings.identity_key_before.emplace().fill(std::byte{4});
  settings.trusted_proxies = {*Prefix::parse("198.51.100.0/24"), *Prefix::parse("2001:db8::/32")};
  for (std::size_t i = 0; i < services; ++i) {
    InspectedService service{.name = "service" + std::to_string(i),
                             .ports = {{443, 443}, {8000, 8999}},
                             .addresses = {},
                             .session = IdentityField{IdentityField::Where::kCookie, "sid"},
                             .account = std::nullopt};
    service.addresses.assign(40, *Prefix::parse("192.0.2.0/24"));
    service.excluded = i % 2 == 1;
    settings.services.push_back(service);
  }
  return settings;
}

Result<std::optional<Settings>> through(SettingsAssembler& assembler, const std::vector<std::byte>& message) {
  const auto decoded = decode_to_inspector(message);
  if (!decoded) return std::unexpected(decoded.error());
  return assembler.add(std::get<SettingsPart>(*decoded));
}

void expect_equal(const Settings& left, const Settings& right) {
  EXPECT_EQ(left.services, right.services);
  EXPECT_EQ(left.everything, right.everything);
  EXPECT_EQ(left.trusted_proxies, right.trusted_proxies);
  EXPECT_EQ(left.memory_bytes, right.memory_bytes);
  EXPECT_EQ(left.sample, right.sample);
  EXPECT_EQ(left.sample_seed, right.sample_seed);
  EXPECT_EQ(left.identity_key, right.identity_key);
  EXPECT_EQ(left.identity_key_before, right.identity_key_before);
}

TEST(SettingsParts, OneMessage) {
  const Settings settings = sample_settings(2);
  const auto messages = encode_settings(settings);
  ASSERT_TRUE(messages.has_value());
  ASSERT_EQ(messages->size(), 1U);
  SettingsAssembler assembler;
  const auto found = through(assembler, messages->front());
  ASSERT_TRUE(found.has_value() && found->has_value());
  expect_equal(**found, settings);
}

TEST(SettingsParts, LargerThanAMessage) {
  const Settings settings = sample_settings(500);
  const auto messages = encode_settings(settings);
  ASSERT_TRUE(messages.has_value());
  ASSERT_GT(messages->size(), 3U);
  SettingsAssembler assembler;
  for (std::size_t i = 0; i < messages->size(); ++i) {
    EXPECT_LE((*messages)[i].size(), kMostBytes);
    const auto found = through(assembler, (*messages)[i]);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->has_value(), i + 1 == messages->size());
    if (*found) expect_equal(**found, settings);
  }
}

TEST(SettingsParts, OutOfTurn) {
  const auto messages = encode_settings(sample_settings(500));
  SettingsAssembler assembler;
  EXPECT_FALSE(through(assembler, (*messages)[1]).has_value());
  ASSERT_TRUE(through(assembler, (*messages)[0]).has_value());
  ASSERT_TRUE(through(assembler, (*messages)[0]).has_value()) << "a new beginning drops the old one";
}

TEST(SettingsParts, MoreThanIsTaken) {
  EXPECT_FALSE(encode_settings(sample_settings(12000)).has_value());
  const std::vector<std::byte> part(kMostBytes - 100);
  SettingsAssembler assembler;
  bool refused = false;
  for (std::size_t sent = 0; sent <= kMostSettingsBytes && !refused; sent += part.size()) {
    refused = !assembler.add({.first = sent == 0, .last = false, .bytes = part});
  }
  EXPECT_TRUE(refused);
}

TEST(SettingsParts, NonsenseIsRefused) {
  const auto reject = [](auto change) {
    Settings settings = sample_settings(1);
    change(settings);
    const auto messages = encode_settings(settings);
    SettingsAssembler assembler;
    return !through(assembler, messages->front()).has_value();
  };
  EXPECT_TRUE(reject([](Settings& s) { s.sample = 1.5; }));
  EXPECT_TRUE(reject([](Settings& s) { s.sample = 0.0 / 0.0; }));
  EXPECT_TRUE(reject([](Settings& s) { s.trusted_proxies.front().length = 200; }));
  EXPECT_TRUE(reject([](Settings& s) { s.trusted_proxies.front().address.lo |= 1; }));
  EXPECT_FALSE(reject([](Settings&) {}));
}

}  // namespace
}  // namespace tidegate::inspect::wire
