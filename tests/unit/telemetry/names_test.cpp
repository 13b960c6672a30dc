// SPDX-License-Identifier: Apache-2.0
#include "agent/telemetry/names.hpp"

#include <gtest/gtest.h>

#include "bpf/abi/limits.h"
#include "bpf/abi/reasons.h"
#include "bpf/abi/state.h"

namespace tidegate::telemetry {
namespace {

TEST(Names, ReasonsAreThoseOfTheDocumentation) {
  EXPECT_EQ(reason_name(TG_REASON_PASSED), "passed");
  EXPECT_EQ(reason_name(TG_REASON_BLOCKED_ADDRESS), "blocked_address");
  EXPECT_EQ(reason_name(TG_REASON_COUNT), "unknown");
  EXPECT_FALSE(is_drop_reason(TG_REASON_AGGREGATE));
  EXPECT_TRUE(is_drop_reason(TG_REASON_AGGREGATE_LIMIT));
}

TEST(Names, EveryReasonAndFaultHasOne) {
  for (unsigned reason = 0; reason < TG_REASON_COUNT; ++reason) EXPECT_FALSE(reason_name(reason).empty()) << reason;
  for (unsigned fault = 0; fault < TG_FAULT_COUNT; ++fault) EXPECT_NE(fault_name(fault), "unknown") << fault;
  EXPECT_EQ(fault_name(TG_FAULT_SET_FULL), "set_full");
  EXPECT_EQ(fault_name(TG_FAULT_MAP_MISSING), "map_missing");
}

TEST(Names, SlotsOfThePolicyAndThoseBeyond) {
  const ServiceNames names({{"api", 3}});
  EXPECT_EQ(names.of(3), "api");
  EXPECT_EQ(names.of(4), "(slot 4)");
  EXPECT_EQ(names.of(TG_SERVICE_REPLIES), "(replies)");
  EXPECT_EQ(names.of(9999), "(none)");
}

}  // namespace
}  // namespace tidegate::telemetry
