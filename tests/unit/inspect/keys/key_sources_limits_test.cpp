// SPDX-License-Identifier: Apache-2.0
// Many senders, and those that send too much.
#include "tests/unit/inspect/keys/key_sources_fixture.hpp"

namespace tidegate::inspect {
namespace {

class KeySourceLimitsTest : public KeySourcesTest {};

TEST_F(KeySourceLimitsTest, WhoeverWasSilentForLongestMakesRoom) {
  KeySources sources(keys_, {.connections = 4}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kListener, bound(SOCK_STREAM)));
  std::vector<UniqueFd> senders;
  for (unsigned i = 0; i < 4; ++i) senders.push_back(connected(SOCK_STREAM));
  sources.work(counters_);
  clock_.advance(milliseconds(10));
  send(senders[0], master_line(1) + '\n');
  sources.work(counters_);
  send(senders[1], master_line(2) + '\n');
  senders.push_back(connected(SOCK_STREAM));
  send(senders.back(), master_line(3) + '\n');
  for (int i = 0; i < 3; ++i) sources.work(counters_);
  EXPECT_EQ(figures(sources).connections, 4U);
  EXPECT_EQ(figures(sources).refused, 0U) << "nobody is without the right to send";
  EXPECT_EQ(counters_.of(Counter::kKeysRefused), 0U);
  EXPECT_EQ(counters_.of(Counter::kKeysTooManySenders), 1U);
  EXPECT_FALSE(is_closed(senders[0])) << "it has just sent a line";
  EXPECT_TRUE(is_closed(senders[1]) || is_closed(senders[2]) || is_closed(senders[3]));
  EXPECT_EQ(keys_.size(), 3U) << "what was sent before it was closed is taken";
  senders.clear();
  sources.work(counters_);
  EXPECT_EQ(figures(sources).connections, 0U);
}

TEST_F(KeySourceLimitsTest, AUserWithIdleConnectionsTakesNobodyElsesPlace) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  KeySources sources(keys_, {.connections = 40, .connections_of_user = 30}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kListener, bound(SOCK_STREAM)));
  open_to_all();
  std::vector<UniqueFd> honest;
  for (unsigned i = 0; i < 5; ++i) honest.push_back(connected_as(4001, 4001));
  sources.work(counters_);
  std::vector<UniqueFd> idle;
  for (unsigned i = 0; i < 100; ++i) {
    idle.push_back(connected_as(4002, 4002));
    clock_.advance(milliseconds(1));
    sources.work(counters_);
  }
  EXPECT_EQ(figures(sources).connections, 35U);
  EXPECT_EQ(counters_.of(Counter::kKeysTooManySenders), 70U);
  for (unsigned i = 0; i < 20; ++i) {  // 55 together: beyond the bound of all
    honest.push_back(connected_as(4001, 4001));
    sources.work(counters_);
  }
  EXPECT_EQ(figures(sources).connections, 40U);
  EXPECT_EQ(counters_.of(Counter::kKeysTooManySenders), 85U);
  // The last ones came when both had about the same number, so the one that had most could be either.
  unsigned sent = 0;
  for (const UniqueFd& sender : honest) sent += try_send(sender, master_line(sent) + '\n') ? 1 : 0;
  sources.work(counters_);
  EXPECT_GE(sent, 20U);
  EXPECT_EQ(keys_.size(), sent);
}

TEST_F(KeySourceLimitsTest, ThousandsOfSenders) {
  rlimit descriptors{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &descriptors), 0);
  constexpr unsigned kSenders = 600;
  const rlimit wanted{std::min<rlim_t>(4096, descriptors.rlim_max), descriptors.rlim_max};
  if (wanted.rlim_cur < 2 * kSenders + 300) GTEST_SKIP() << "RLIMIT_NOFILE is too low";
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &wanted), 0);
  KeySources sources(keys_, {}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kListener, bound(SOCK_STREAM)));
  std::vector<UniqueFd> senders;
  for (unsigned i = 0; i < kSenders; ++i) {
    senders.push_back(connected(SOCK_STREAM));
    clock_.advance(milliseconds(1));
    if (i % 50 == 0) sources.work(counters_);
  }
  for (int i = 0; i < 20; ++i) sources.work(counters_);
  EXPECT_EQ(figures(sources).connections, kSenders);
  for (unsigned i = 0; i < kSenders; ++i) send(senders[i], master_line(i) + '\n');
  for (int i = 0; i < 20; ++i) sources.work(counters_);
  EXPECT_EQ(keys_.size(), kSenders);
  EXPECT_EQ(counters_.of(Counter::kKeysTooManySenders), 0U);
  ::setrlimit(RLIMIT_NOFILE, &descriptors);
}

constexpr std::size_t kLongLine = 1024;  // with its end

std::string junk_lines(std::size_t size) {
  std::string junk(size, 'x');
  for (std::size_t end = kLongLine; end <= size; end += kLongLine) junk[end - 1] = '\n';
  return junk;
}

TEST_F(KeySourceLimitsTest, AFloodRestsWhileOthersAreRead) {
  KeySources sources(keys_, {.bytes_per_pass = 4096, .bytes_per_second = 1 << 20}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kListener, bound(SOCK_STREAM)));
  const UniqueFd calm = connected(SOCK_STREAM);
  const UniqueFd flood = connected(SOCK_STREAM);
  sources.work(counters_);
  const std::string junk = junk_lines(4096);
  send(calm, master_line(1) + '\n');
  for (int i = 0; i < 100; ++i) {
    while (try_send(flood, junk)) {
    }
    sources.work(counters_);
  }
  EXPECT_TRUE(keys_.find(random_of(1)));
  EXPECT_LE(figures(sources).bytes, (1U << 20) / 50 + 2 * 4096) << "time stood still: one share is all it gets";
  EXPECT_LE(sources.wait_at_most(), milliseconds(1000));
  const std::uint64_t before = figures(sources).bytes;
  clock_.advance(milliseconds(10));
  for (int i = 0; i < 100; ++i) sources.work(counters_);
  EXPECT_GT(figures(sources).bytes, before);
  EXPECT_LE(figures(sources).bytes, before + (1U << 20) / 100 + 2 * 4096);
}

TEST_F(KeySourceLimitsTest, AFloodOverManyConnectionsHasOneShareAndStarvesNobodyElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  KeySources sources(keys_, {.bytes_per_pass = 4096, .bytes_per_second = 1 << 20}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kListener, bound(SOCK_STREAM)));
  open_to_all();
  std::vector<UniqueFd> floods;
  for (int i = 0; i < 100; ++i) floods.push_back(connected_as(4002, 4002));
  const UniqueFd honest = connected_as(4001, 4001);
  for (int i = 0; i < 30; ++i) {
    sources.work(counters_);
    clock_.advance(milliseconds(100));
  }
  ASSERT_EQ(figures(sources).connections, 101U);
  const std::string junk = junk_lines(4096);
  constexpr unsigned kPasses = 200;
  for (unsigned i = 0; i < kPasses; ++i) {
    for (const UniqueFd& flood : floods) try_send(flood, junk);
    send(honest, master_line(i) + '\n');
    sources.work(counters_);
    ASSERT_TRUE(keys_.find(random_of(i))) << "a line of somebody else is read in the same pass";
    clock_.advance(milliseconds(1));
  }
  const std::uint64_t honest_bytes = kPasses * (master_line(0).size() + 1);
  const std::uint64_t share = (1U << 20) / 50 + kPasses * ((1U << 20) / 1000) + 4096;
  EXPECT_LE(figures(sources).bytes, share + honest_bytes) << "a hundred connections have what one has";
  EXPECT_GE(figures(sources).bytes, share / 2) << "and not less";
}

TEST_F(KeySourceLimitsTest, TheFloodOfAUserIsReadFromEachOfItsConnectionsInTurn) {
  KeySources sources(keys_, {.bytes_per_pass = 4096, .bytes_per_second = 1 << 20}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kListener, bound(SOCK_STREAM)));
  std::vector<UniqueFd> senders;
  for (int i = 0; i < 20; ++i) senders.push_back(connected(SOCK_STREAM));
  for (int i = 0; i < 10; ++i) {
    sources.work(counters_);
    clock_.advance(milliseconds(100));
  }
  const std::string junk = junk_lines(4096);
  for (const UniqueFd& sender : senders) {
    while (try_send(sender, junk)) {
    }
  }
  sources.work(counters_);
  send(connected(SOCK_STREAM), master_line(1) + '\n');
  // 20 connections with 4 KiB each and what their lines cost, out of 1 MiB/s: about 0.1 s for a round.
  for (int i = 0; i < 150 && !keys_.find(random_of(1)); ++i) {
    clock_.advance(milliseconds(1));
    sources.work(counters_);
  }
  EXPECT_TRUE(keys_.find(random_of(1)));
}

TEST_F(KeySourceLimitsTest, LinesOfOneByteCostMoreThanTheirBytes) {
  KeySources sources(keys_, {.bytes_per_pass = 4096, .bytes_per_second = 1 << 20}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kListener, bound(SOCK_STREAM)));
  const UniqueFd flood = connected(SOCK_STREAM);
  const std::string junk(4096, '\n');
  for (int i = 0; i < 1000; ++i) {
    while (try_send(flood, junk)) {
    }
    sources.work(counters_);
    clock_.advance(milliseconds(1));
  }
  EXPECT_LE(figures(sources).bytes, (1U << 20) / 60 + 2 * 4096);
}

}  // namespace
}  // namespace tidegate::inspect
