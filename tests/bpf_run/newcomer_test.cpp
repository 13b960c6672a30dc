// SPDX-License-Identifier: Apache-2.0
// The budget of sources neither known nor proven: a flood of them is bounded, and costs nobody else anything.
#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

constexpr unsigned kFresh = 50, kFreshSyn = 20;

TestPolicy guarded() {
  TestPolicy p = two_services();
  p.services[0].limits.fresh = packet_rate(kFresh, kFresh);
  p.services[0].limits.fresh_syn = packet_rate(kFreshSyn, kFreshSyn);
  p.services[0].limits.flags = TG_SERVICE_NEW_SOURCES;
  return p;
}

std::string spoofed(unsigned i) {
  return std::to_string(11 + i / 65536 % 100) + "." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) +
         ".7";
}

// `count` sources, the same for the same `first`.
unsigned flood(Program& program, unsigned count, std::uint64_t now, unsigned first = 0, bool syn = false) {
  unsigned passed = 0;
  for (unsigned i = first; i < first + count; ++i) {
    const Frame frame = syn ? web_syn(spoofed(i * 7919)) : web_packet(spoofed(i * 7919));
    passed += program.run(frame, {.now = now}).dropped ? 0U : 1U;
  }
  return passed;
}

TEST(Newcomers, AreBoundedAndKnownSourcesAreNot) {
  Program program;
  program.configure(guarded());
  EXPECT_EQ(passes(program, web_packet("192.0.2.1"), 1), 1U);  // known from here on, one of the budget is gone
  EXPECT_EQ(flood(program, 500, kStart), kFresh - 1);
  EXPECT_VERDICT(program.run(web_packet("192.0.2.77"), {.now = kStart}), true, TG_REASON_NEW_SOURCES);
  EXPECT_EQ(passes(program, web_packet("192.0.2.1"), 20), 9U) << "the rest of its own burst";
  EXPECT_EQ(program.counter(kWeb, TG_REASON_NEW_SOURCES).dropped_packets, 500U - (kFresh - 1) + 1);
}

TEST(Newcomers, ComeBackWithTime) {
  Program program;
  program.configure(guarded());
  flood(program, 200, kStart);
  EXPECT_EQ(flood(program, 200, kStart + kSecond / 2, 1000), 25U) << "25 of 50/s in half a second";
}

TEST(Newcomers, SynsHaveAShareThatNothingElseSpends) {
  Program program;
  program.configure(guarded());
  EXPECT_EQ(flood(program, 500, kStart), kFresh);
  EXPECT_EQ(flood(program, 500, kStart, 1000, true), kFreshSyn) << "a never-seen client gets in";
  EXPECT_VERDICT(program.run(web_syn("192.0.2.5"), {.now = kStart}), true, TG_REASON_NEW_SOURCES);
}

TEST(Newcomers, ProvenSourcesAreNone) {
  for (const unsigned generation : {0U, 1U}) {
    Program program;
    program.configure(guarded());
    program.prove("192.0.2.50", generation);
    program.prove("2001:db8::50", generation);
    flood(program, 500, kStart);
    EXPECT_EQ(passes(program, web_packet("192.0.2.50"), 20), 10U);
    EXPECT_EQ(passes(program, Ethernet() / Ipv6{.source = "2001:db8::51"} / Tcp{}, 20), 10U) << "the same /64";
    EXPECT_EQ(passes(program, web_packet("192.0.2.51"), 20), 0U);
  }
}

TEST(Newcomers, AnIdleKnownClientThatIsProvenKeepsItsPlace) {
  Program program({.bucket_sets = 2});
  program.configure(guarded());
  program.prove("192.0.2.50");
  passes(program, web_packet("192.0.2.50"), 1);
  const std::uint64_t later = kStart + 60 * kSecond;
  flood(program, 500, later);  // its way is taken: it was idle
  EXPECT_EQ(passes(program, web_packet("192.0.2.50"), 1, later), 1U);
}

TEST(Newcomers, AServiceWithoutTheBudgetHasNone) {
  Program program;
  program.configure(two_services());
  EXPECT_EQ(flood(program, 500, kStart), 500U);
}

}  // namespace
}  // namespace tidegate::test
