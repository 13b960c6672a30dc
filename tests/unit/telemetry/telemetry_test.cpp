// SPDX-License-Identifier: Apache-2.0
#include "agent/telemetry/telemetry.hpp"

#include <gtest/gtest.h>

namespace tidegate::telemetry {
namespace {

tg_event event_of(Address source, const Clock& clock) {
  tg_event event{};
  event.time = static_cast<std::uint64_t>(clock.monotonic().count());
  event.source = {source.hi, source.lo};
  event.service = 3;
  event.reason = 12;
  event.flags = TG_EVENT_DROPPED;
  event.weight_packets = 100;
  event.weight_bytes = 6000;
  return event;
}

TEST(Telemetry, SamplesBecomeEstimatesAndEvents) {
  ManualClock clock;
  Telemetry telemetry(clock, 1);
  telemetry.set_policy({{"api", 3}}, 32, 64);
  auto event = event_of(*Address::parse("203.0.113.9"), clock);
  event.time -= 5'000'000;
  telemetry.ingest(event);
  const auto rows = telemetry.top_sources(10);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].dropped_total, 100U);
  const auto events = telemetry.events().since(WallTime{}, {});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].service, "api");
  EXPECT_EQ(events[0].kind, EventKind::kDrop);
  EXPECT_EQ(events[0].time, clock.wall() - std::chrono::milliseconds(5));
}

TEST(Telemetry, DryRunSamplesAreSeenAsWhatWouldBeDropped) {
  ManualClock clock;
  Telemetry telemetry(clock, 1);
  auto event = event_of(*Address::parse("203.0.113.9"), clock);
  event.flags = TG_EVENT_DRY_RUN;
  telemetry.ingest(event);
  const auto rows = telemetry.top_sources(10);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].dropped_total, 0U);
  EXPECT_GT(rows[0].would_drop_pps, 0);
}

TEST(Telemetry, SourcesAreGroupedAsThePolicySays) {
  ManualClock clock;
  Telemetry telemetry(clock, 1);
  telemetry.set_policy({}, 24, 48);
  telemetry.ingest(event_of(*Address::parse("203.0.113.9"), clock));
  telemetry.ingest(event_of(*Address::parse("203.0.113.10"), clock));
  telemetry.ingest(event_of(*Address::parse("2001:db8:1:2::1"), clock));
  telemetry.ingest(event_of(*Address::parse("2001:db8:1:3::1"), clock));
  EXPECT_EQ(telemetry.top_sources(10).size(), 2U);
  EXPECT_EQ(telemetry.source(*Address::parse("203.0.113.77")).at(0).source.to_string(), "203.0.113.0/24");
  EXPECT_EQ(telemetry.source_of(*Address::parse("2001:db8:1:2::1")).to_string(), "2001:db8:1::/48");
  telemetry.set_policy({}, 32, 64);
  EXPECT_TRUE(telemetry.top_sources(10).empty()) << "other groups: figures of the old ones mean nothing";
}

// Every IPv4 address lies in ::/64 when it is written as IPv6.
TEST(Telemetry, FrameWithoutASourceIsNobodys) {
  ManualClock clock;
  Telemetry telemetry(clock, 1);
  telemetry.ingest(event_of(Address{}, clock));
  telemetry.ingest(event_of(*Address::parse("::5"), clock));
  EXPECT_EQ(telemetry.top_sources(10).size(), 1U);
  EXPECT_TRUE(telemetry.source(*Address::parse("203.0.113.9")).empty());
  EXPECT_EQ(telemetry.events().since(WallTime{}, {}).size(), 2U);
}

}  // namespace
}  // namespace tidegate::telemetry
