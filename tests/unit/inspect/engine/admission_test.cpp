// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/engine/admission.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>

#include "agent/inspect/model/flow_hash.hpp"

namespace tidegate::inspect {
namespace {

Flow flow_of(std::uint32_t client, std::uint16_t server_port = 443) {
  return {{Address::from_v4(0xcb007100 + client / 50'000), static_cast<std::uint16_t>(1024 + client % 50'000)},
          {Address::from_v4(0xc0000201), server_port}};
}

Settings web_settings() {
  Settings settings;
  settings.services.push_back({.name = "web", .ports = {{443, 443}}});
  settings.trusted_proxies = {*Prefix::parse("198.51.100.0/24")};
  return settings;
}

double share_admitted(const Admission& admission, bool mid_stream = false) {
  int admitted = 0;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    admitted += admission.judge(flow_of(i), mid_stream) == Admitted::kYes ? 1 : 0;
  }
  return admitted / 10'000.0;
}

TEST(Admission, ServicesAndEverything) {
  Admission admission;
  admission.set_settings(web_settings());
  EXPECT_EQ(admission.judge(flow_of(1), false), Admitted::kYes);
  EXPECT_EQ(admission.judge(flow_of(1, 8443), false), Admitted::kNotWanted);
  EXPECT_TRUE(admission.is_server({Address::from_v4(1), 443}));
  EXPECT_TRUE(admission.is_trusted_proxy(*Address::parse("198.51.100.9")));
  EXPECT_FALSE(admission.is_trusted_proxy(*Address::parse("192.0.2.9")));
  Settings everything = web_settings();
  everything.everything = true;
  admission.set_settings(everything);
  EXPECT_EQ(admission.judge(flow_of(1, 8443), false), Admitted::kYes);
  EXPECT_FALSE(admission.is_server({Address::from_v4(1), 8443}));
}

TEST(Admission, TheSampleIsAShareAndAlwaysTheSame) {
  Settings settings = web_settings();
  settings.sample = 0.25;
  settings.sample_seed = 5;
  Admission admission;
  admission.set_settings(settings);
  EXPECT_NEAR(share_admitted(admission), 0.25, 0.02);
  Admission same;
  same.set_settings(settings);
  for (std::uint32_t i = 0; i < 500; ++i) {
    EXPECT_EQ(admission.judge(flow_of(i), false), same.judge(flow_of(i), false));
  }
  settings.identity_key.fill(std::byte{7});
  same.set_settings(settings);
  for (std::uint32_t i = 0; i < 500; ++i) {
    EXPECT_EQ(admission.judge(flow_of(i), false), same.judge(flow_of(i), false)) << "a new key cuts no connection";
  }
  settings.sample = 0;
  admission.set_settings(settings);
  EXPECT_EQ(share_admitted(admission), 0);
}

TEST(Admission, OverloadShedsAShareOfTheNewAndAllWhoseBeginningIsMissing) {
  Admission admission;
  admission.set_settings(web_settings());
  admission.set_shedding(Shedding::kNewFlows, 0.5);
  EXPECT_NEAR(share_admitted(admission), 0.5, 0.02);
  EXPECT_EQ(share_admitted(admission, true), 0);
  admission.set_shedding(Shedding::kServerPayload, 1.0);
  EXPECT_EQ(share_admitted(admission), 0);
  EXPECT_TRUE(admission.sheds_server_payload());
  admission.set_shedding(Shedding::kNone, 0.5);
  EXPECT_EQ(share_admitted(admission), 1);
  EXPECT_EQ(share_admitted(admission, true), 1);
}

// It lives as long as the engine, keys do not.
TEST(Admission, KeepsNoKey) {
  Settings settings = web_settings();
  settings.identity_key.fill(std::byte{0xa5});
  settings.identity_key_before.emplace().fill(std::byte{0xa5});
  alignas(Admission) std::array<std::byte, sizeof(Admission)> memory{};
  auto* const admission = new (memory.data()) Admission;
  admission->set_settings(settings);
  EXPECT_TRUE(std::ranges::search_n(memory, 8, std::byte{0xa5}).empty());
  std::destroy_at(admission);
}

// What remains of a sample is shed in proportion, not first of all.
TEST(Admission, SampleAndSheddingAreIndependent) {
  Settings settings = web_settings();
  settings.sample = 0.4;
  Admission admission;
  admission.set_settings(settings);
  admission.set_shedding(Shedding::kNewFlows, 0.5);
  EXPECT_NEAR(share_admitted(admission), 0.2, 0.02);
}

TEST(FlowHash, IsSymmetricAndSeeded) {
  const Flow flow = flow_of(7);
  const Flow back{flow.server, flow.client};
  EXPECT_EQ(flow_hash(flow, 1), flow_hash(back, 1));
  EXPECT_NE(flow_hash(flow, 1), flow_hash(flow, 2));
  EXPECT_FALSE(in_share(0, 0));
  EXPECT_TRUE(in_share(~std::uint64_t{0}, 1));
}

}  // namespace
}  // namespace tidegate::inspect
