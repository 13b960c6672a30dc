// SPDX-License-Identifier: Apache-2.0
// Two CPUs at once, with the real clock: one source's limit stays exact, and no key ends up in two ways.
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <latch>
#include <thread>

#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

constexpr unsigned kCpus = 2;

double seconds_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

void pin(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

// Runs `work` on both CPUs at once.
void on_both(const std::function<void(unsigned)>& work) {
  std::latch start(kCpus);
  std::vector<std::jthread> threads;
  for (unsigned cpu = 0; cpu < kCpus; ++cpu) {
    threads.emplace_back([&, cpu] {
      pin(cpu);
      start.arrive_and_wait();
      work(cpu);
    });
  }
}

bool two_cpus() {
  cpu_set_t set;
  sched_getaffinity(0, sizeof(set), &set);
  return CPU_ISSET(0, &set) && CPU_ISSET(1, &set);
}

class Exact : public testing::TestWithParam<unsigned> {};

// Accepted: at most burst + rate * t, and at least 99 % of it. The kernel stops a batch when a signal or the scheduler
// wants the CPU, never for longer than the burst (100 ms or more).
TEST_P(Exact, BothCpusAsOneSource) {
  if (!two_cpus()) GTEST_SKIP() << "needs CPUs 0 and 1";
  const double rate = GetParam(), burst = std::max(2.0, rate / 4);
  const double duration = std::getenv("TIDEGATE_LONG") != nullptr ? 60 : (rate < 100 ? 5 : 3);
  Program program({.replay = false});
  TestPolicy policy = two_services();
  policy.services[0].limits.packets = packet_rate(rate, burst);
  const double exact_rate = 1e9 / static_cast<double>(policy.services[0].limits.packets.cost);
  program.configure(policy);
  const Bytes frame = web_packet().bytes();
  const double start = seconds_now();
  on_both([&](unsigned) {
    while (seconds_now() - start < duration) program.run_many(frame, 20000);
  });
  const double elapsed = seconds_now() - start;
  const double passed = static_cast<double>(program.counter(kWeb, TG_REASON_PASSED).passed_packets);
  const double allowed = burst + exact_rate * elapsed;
  RecordProperty("accepted_share_ppm", static_cast<int>(passed / allowed * 1e6));
  EXPECT_LE(passed, allowed + 1) << "one packet conforms to an empty bucket at time 0";
  // what the caches of the clock withhold at the end is a few ms' worth, which matters only to very short runs
  EXPECT_GE(passed, 0.99 * allowed - std::max(1.0, rate * 0.01));
  EXPECT_EQ(program.counter(kWeb, TG_REASON_CONTENTION).dropped_packets, 0U);
}

INSTANTIATE_TEST_SUITE_P(Rates, Exact, testing::Values(10, 1000, 100000));

// Each round, both CPUs bring the same new sources; a set is small, so that they meet all the time.
TEST(Claims, OneKeyNeverEndsUpInTwoWays) {
  if (!two_cpus()) GTEST_SKIP() << "needs CPUs 0 and 1";
  Program program({.replay = false, .bucket_sets = 64});
  TestPolicy policy = two_services();
  policy.services[0].limits.packets = packet_rate(1000, 2);  // ways are free again after 2 ms
  program.configure(policy);
  const double end = seconds_now() + (std::getenv("TIDEGATE_LONG") != nullptr ? 60 : 3);
  std::atomic<unsigned> round{0};
  std::vector<Bytes> frames;
  for (unsigned i = 0; i < 4096; ++i)
    frames.push_back(web_packet("10.9." + std::to_string(i / 256) + "." + std::to_string(i % 256)).bytes());
  on_both([&](unsigned) {
    while (seconds_now() < end) {
      const unsigned mine = round.fetch_add(1) / kCpus;  // the CPUs stay within a round of each other
      program.run(frames[mine % frames.size()]);
    }
  });
  for (unsigned i = 0; i < 64; ++i) {
    auto set = program.value<tg_key_set>("keys", i);
    std::sort(std::begin(set.key), std::end(set.key));
    for (unsigned way = 1; way < TG_WAYS; ++way) {
      EXPECT_TRUE(set.key[way] == 0 || set.key[way] != set.key[way - 1]) << "set " << i;
    }
  }
  RecordProperty("claims_lost", static_cast<int>(program.fault(TG_FAULT_CLAIM_LOST)));
  EXPECT_GT(round.load(), 1000U);
}

// New sources on both CPUs: what each was allowed stays exact although its way was claimed by both at once.
TEST(Claims, LosingOneCostsNoDebt) {
  if (!two_cpus()) GTEST_SKIP() << "needs CPUs 0 and 1";
  Program program({.replay = false, .bucket_sets = 1024});
  TestPolicy policy = two_services();
  policy.services[0].limits.packets = packet_rate(0.01, 3);
  program.configure(policy);
  constexpr unsigned kSources = 1500, kEach = 6;
  std::vector<Bytes> frames;
  for (unsigned i = 0; i < kSources; ++i)
    frames.push_back(web_packet("10.8." + std::to_string(i / 250) + "." + std::to_string(i % 250)).bytes());
  std::atomic<unsigned> arrived{0};
  on_both([&](unsigned) {
    for (unsigned i = 0; i < kSources; ++i) {
      arrived.fetch_add(1);
      while (arrived.load() < (i + 1) * kCpus) std::this_thread::yield();
      for (unsigned j = 0; j < kEach; ++j) program.run(frames[i]);
    }
  });
  const auto aggregate = program.counter(kWeb, TG_REASON_AGGREGATE).passed_packets;
  EXPECT_EQ(program.counter(kWeb, TG_REASON_PASSED).passed_packets + aggregate, 3ULL * kSources) << "aggregate " << aggregate;
}

TEST(Concurrency, TheBudgetOfNewcomersIsExact) {
  if (!two_cpus()) GTEST_SKIP() << "needs CPUs 0 and 1";
  Program program({.replay = false});
  TestPolicy policy = two_services();
  policy.services[0].limits.fresh = {.cost = 3600 * kSecond, .burst = 500 * 3600 * kSecond};
  policy.services[0].limits.fresh_syn = {.cost = 1, .burst = 1};
  policy.services[0].limits.flags = TG_SERVICE_NEW_SOURCES;
  program.configure(policy);
  on_both([&](unsigned cpu) {
    for (unsigned i = 0; i < 2000; ++i)
      program.run(web_packet("10." + std::to_string(cpu + 1) + "." + std::to_string(i / 250) + "." + std::to_string(i % 250)));
  });
  EXPECT_EQ(program.counter(kWeb, TG_REASON_PASSED).passed_packets + program.counter(kWeb, TG_REASON_AGGREGATE).passed_packets, 500U);
  EXPECT_EQ(program.counter(kWeb, TG_REASON_NEW_SOURCES).dropped_packets, 3500U);
}

}  // namespace
}  // namespace tidegate::test
