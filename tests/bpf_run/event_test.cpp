// SPDX-License-Identifier: Apache-2.0
// What the datapath tells: counters to the packet, events within their budget.
#include <net/if.h>
#include <time.h>

#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

TEST(Counters, AreExactInPacketsAndBytes) {
  Program program;
  program.configure(two_services());
  const unsigned lo = if_nametoindex("lo");
  const Frame frame = Ethernet() / Ipv4{} / Tcp{.ack = true} / Payload{60};  // 100 bytes of IP
  for (unsigned i = 0; i < 25; ++i) program.run(frame, {.now = kStart, .ifindex = lo});
  const tg_counter passed = program.counter(kWeb, TG_REASON_PASSED),
                   dropped = program.counter(kWeb, TG_REASON_PACKET_LIMIT);
  EXPECT_EQ(passed.passed_packets, 10U);
  EXPECT_EQ(passed.passed_bytes, 1000U);
  EXPECT_EQ(passed.dropped_packets, 0U);
  EXPECT_EQ(dropped.dropped_packets, 15U);
  EXPECT_EQ(dropped.dropped_bytes, 1500U);
  EXPECT_EQ(dropped.passed_packets, 0U);
  const tg_counter all = program.interface_counter(lo);
  EXPECT_EQ(all.passed_packets, 10U);
  EXPECT_EQ(all.dropped_packets, 15U);
  EXPECT_EQ(all.dropped_bytes, 1500U);
}

TEST(Counters, PaddingOfShortFramesIsNotCounted) {
  Program program;
  program.configure(two_services());
  Bytes frame = web_packet().bytes();
  frame.resize(60);
  program.run(frame);
  EXPECT_EQ(program.counter(kWeb, TG_REASON_PASSED).passed_bytes, 40U);
}

TEST(Counters, AddUpForAMillionPackets) {
  Program program({.replay = false});
  program.configure(two_services());
  program.run_many(web_packet().bytes(), 1'000'000);
  const tg_counter total = program.total();
  EXPECT_EQ(total.passed_packets + total.dropped_packets, 1'000'000U);
  EXPECT_EQ(total.passed_bytes + total.dropped_bytes, 40'000'000U);
}

TEST(Events, DescribeThePacket) {
  Program program;
  program.configure(two_services());
  program.control().sample_interval_ns = 1000;
  program.block("2001:db8:bad::1");
  const unsigned lo = if_nametoindex("lo");
  program.run(Ethernet() / Ipv6{.source = "2001:db8:bad::1", .destination = "2001:db8::2"} / Fragment6{.more = true} /
                  Tcp{.source_port = 1234, .destination_port = 443, .syn = true},
              {.now = kStart, .ifindex = lo});
  const auto events = program.events();
  ASSERT_EQ(events.size(), 1U);
  const tg_event& e = events[0];
  EXPECT_EQ(e.time, kStart);
  EXPECT_EQ(e.source.hi, 0x20010db80bad0000U);
  EXPECT_EQ(e.source.lo, 1U);
  EXPECT_EQ(e.destination.lo, 2U);
  EXPECT_EQ(e.source_port, 1234U);
  EXPECT_EQ(e.destination_port, 443U);
  EXPECT_EQ(e.protocol, 6U);
  EXPECT_EQ(e.reason, static_cast<unsigned>(TG_REASON_BLOCKED_ADDRESS));
  EXPECT_EQ(e.flags, TG_EVENT_DROPPED | TG_EVENT_FRAGMENT | TG_EVENT_SYN);
  EXPECT_EQ(e.ifindex, lo);
  EXPECT_EQ(e.generation, 1U);
  EXPECT_EQ(e.length, 68U);
  EXPECT_EQ(e.weight_packets, 1U);
  EXPECT_EQ(e.weight_bytes, 68U);
}

TEST(Events, AreOffWithoutAnInterval) {
  Program program;
  program.configure(two_services());
  passes(program, web_packet(), 50);
  EXPECT_TRUE(program.events().empty());
}

// One second in which 10,000 packets come, with one event a millisecond and class.
TEST(Events, KeepTheirBudgetAndTheirWeightsAddUp) {
  Program program;
  program.configure(two_services());
  program.control().sample_interval_ns = 1'000'000;
  const Bytes frame = web_packet().bytes();
  const OnCpu0 pinned;
  for (unsigned i = 0; i < 10000; ++i) program.run(frame, {.now = kStart + i * 100'000});
  const auto events = program.events();
  std::uint64_t dropped = 0, weight = 0;
  for (const tg_event& e : events) {
    if ((e.flags & TG_EVENT_DROPPED) == 0) continue;
    ++dropped;
    weight += e.weight_packets;
  }
  EXPECT_LE(dropped, 1100U);
  EXPECT_GE(dropped, 800U);
  const std::uint64_t all = program.counter(kWeb, TG_REASON_PACKET_LIMIT).dropped_packets;
  EXPECT_LE(weight, all);
  EXPECT_GE(weight, all - 40) << "but for those since the last sample";
}

TEST(Events, AFloodDoesNotExceedTheBudget) {
  Program program({.replay = false});
  program.configure(two_services());
  program.control().sample_interval_ns = 1'000'000;
  timespec start{}, end{};
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (unsigned i = 0; i < 10; ++i) program.run_many(web_packet().bytes(), 100'000);
  clock_gettime(CLOCK_MONOTONIC, &end);
  const double ms =
      static_cast<double>(end.tv_sec - start.tv_sec) * 1e3 + static_cast<double>(end.tv_nsec - start.tv_nsec) / 1e6;
  const double cpus = 2, classes = 2;
  const auto events = program.events();
  EXPECT_LE(static_cast<double>(events.size()), cpus * classes * (1.2 * ms + 10));
  EXPECT_GE(events.size(), 1U);
  EXPECT_EQ(program.fault(TG_FAULT_EVENT_LOST), 0U);
}

TEST(Events, AFullRingIsCountedAndLosesNoWeight) {
  Program program;
  program.configure(two_services());
  program.control().sample_interval_ns = 1;
  const Bytes frame = web_packet().bytes();
  const OnCpu0 pinned;
  for (unsigned i = 0; i < 13000; ++i) program.run(frame, {.now = kStart + i * 1000});
  EXPECT_GT(program.fault(TG_FAULT_EVENT_LOST), 0U);
  EXPECT_GT(program.events().size(), 10000U);
  EXPECT_TRUE(program.run(frame, {.now = kStart + 13001 * 1000}).dropped);
  const auto events = program.events();
  ASSERT_FALSE(events.empty());
  EXPECT_GT(events[0].weight_packets, 100U) << "the next event stands for those that were lost";
}

}  // namespace
}  // namespace tidegate::test
