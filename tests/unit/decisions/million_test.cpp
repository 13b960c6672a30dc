// SPDX-License-Identifier: Apache-2.0
// A million decisions: that they fit, that lookups do not scan, that memory stays bounded. Rates are printed, not
// judged: sanitizers and busy machines differ.
#include <chrono>
#include <fstream>

#include "agent/decisions/spool.hpp"
#include "agent/decisions/transfer.hpp"
#include "tests/unit/decisions/support.hpp"

namespace tidegate::decisions {
namespace {

using test::value_of;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint32_t kDecisions = 100'000;
constexpr bool kJudgeMemory = false;
#else
constexpr std::uint32_t kDecisions = 1'000'000;
constexpr bool kJudgeMemory = true;
#endif

// Peak resident memory so far.
long peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
  }
  return 0;
}

class Stopwatch {
 public:
  void report(const char* what, double items) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    std::printf("  %-28s %6.2f s  %9.0f/s\n", what, passed.count(), items / passed.count());
    start_ = std::chrono::steady_clock::now();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Spread over the whole space, each once: multiplication by an odd number permutes 2^32.
Address scattered(std::uint32_t i) { return Address::from_v4(i * 2654435761U); }

std::string chunk_of_lines(std::uint32_t from, std::uint32_t to) {
  std::string text;
  for (std::uint32_t i = from; i < to; ++i) text += scattered(i).to_string() + " 1h seen scanning ports\n";
  return text;
}

void parse_all(Spool& spool, const Clock& clock) {
  const auto parser = ImportParser::create({.format = {}, .origin = "feed:test", .now = clock.wall(), .actor = "uid:0"},
                                           [&](NewDecision&& decision) { return spool.add(decision); });
  constexpr std::uint32_t step = 1000;
  for (std::uint32_t i = 0; i < kDecisions; i += step) parser->feed(chunk_of_lines(i, i + step));
  const ImportSummary summary = parser->finish();
  EXPECT_EQ(summary.accepted, kDecisions);
  EXPECT_EQ(summary.error_count, 0U);
}

TEST(Million, ImportedInBoundedMemoryAndFoundWithoutScanning) {
  const test::TempDir directory;
  const ManualClock clock;
  const long before = peak_kib();
  auto store = value_of(Store::open(directory / "decisions.db", clock));
  auto spool = value_of(Spool::create(directory.path()));
  Stopwatch watch;
  parse_all(*spool, clock);
  watch.report("parse, check, spool", kDecisions);
  std::uint64_t effects = 0;
  const auto next = value_of(spool->drain());
  const auto stored = value_of(store->put_stream(next, [&](const Effects& each) {
    watch.report("  rows and indexes", kDecisions);
    const Status status = each([&](const Effect& effect) { effects += effect.blocked; });
    watch.report("  effects", kDecisions);
    return status;
  }));
  watch.report("  commit and checkpoint", kDecisions);
  EXPECT_EQ(stored.count, kDecisions);
  EXPECT_EQ(effects, kDecisions);
  spool.reset();
  for (std::uint32_t i = 0; i < kDecisions; i += kDecisions / 1000) {
    EXPECT_EQ(value_of(store->covering(Prefix::host(scattered(i)))).size(), 1U);
  }
  watch.report("covering", 1000);
  EXPECT_EQ(value_of(store->count()), kDecisions);
  if (kJudgeMemory) {
    EXPECT_LT(peak_kib() - before, 30 * 1024);
  }
  std::printf("  peak memory grew by %ld KiB\n", peak_kib() - before);
}

TEST(Million, PutManyOfASpan) {
  const test::TempDir directory;
  const ManualClock clock;
  auto store = value_of(Store::open(directory / "decisions.db", clock));
  std::vector<NewDecision> decisions(kDecisions);
  for (std::uint32_t i = 0; i < kDecisions; ++i) {
    decisions[i].target = Prefix::host(scattered(i));
    decisions[i].reason = "seen scanning ports";
  }
  Stopwatch watch;
  EXPECT_EQ(value_of(store->put_many(decisions)), kDecisions);
  watch.report("put_many, scattered", kDecisions);
  EXPECT_EQ(value_of(store->put_many(decisions)), kDecisions);
  watch.report("put_many, replacing all", kDecisions);
  EXPECT_EQ(value_of(store->count()), kDecisions);
}

}  // namespace
}  // namespace tidegate::decisions
