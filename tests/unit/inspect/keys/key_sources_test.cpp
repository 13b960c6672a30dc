// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/inspect/keys/key_sources_fixture.hpp"

namespace tidegate::inspect {
namespace {

TEST_F(KeySourcesTest, ManySendersOfOneSocket) {
  KeySources sources(keys_, {}, clock_);
  ASSERT_TRUE(sources.add(7, KeySourceKind::kListener, bound(SOCK_STREAM)));
  std::vector<UniqueFd> senders;
  for (unsigned i = 0; i < 20; ++i) {
    senders.push_back(connected(SOCK_STREAM));
    send(senders.back(), master_line(i).substr(0, 50));
  }
  sources.work(counters_);
  sources.work(counters_);
  EXPECT_EQ(figures(sources).connections, 20U);
  for (unsigned i = 0; i < 20; ++i) send(senders[i], master_line(i).substr(50) + '\n');
  sources.work(counters_);
  EXPECT_EQ(keys_.size(), 20U) << "lines of several senders must not run into each other";
  EXPECT_EQ(figures(sources).accepted, 20U);
  EXPECT_EQ(figures(sources).last, clock_.wall());
  senders.clear();
  sources.work(counters_);
  EXPECT_EQ(figures(sources).connections, 0U);
  EXPECT_FALSE(figures(sources).ended);
}

TEST_F(KeySourcesTest, OnlyThoseAllowedMaySend) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  KeySources sources(keys_, {}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kListener, bound(SOCK_STREAM), {.users = {4001}, .groups = {4002}}));
  open_to_all();
  std::vector<UniqueFd> senders;
  senders.push_back(connected_as(0, 0));
  senders.push_back(connected_as(4001, 4001));
  senders.push_back(connected_as(4004, 4002));
  senders.push_back(connected_as(4004, 4004, {4003, 4002}));
  sources.work(counters_);
  EXPECT_EQ(figures(sources).connections, 4U);
  senders.push_back(connected_as(4004, 4004, {4003}));
  sources.work(counters_);
  EXPECT_EQ(figures(sources).connections, 4U);
  EXPECT_EQ(figures(sources).refused, 1U);
  EXPECT_EQ(counters_.of(Counter::kKeysRefused), 1U);
}

TEST_F(KeySourcesTest, HaproxyDatagrams) {
  KeySources sources(keys_, {}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kDatagram, bound(SOCK_DGRAM)));
  const UniqueFd sender = connected(SOCK_DGRAM);
  send(sender, "<134>haproxy[1]: " + master_line(1));
  send(sender, "<134>haproxy[1]: " + master_line(2));
  sources.work(counters_);
  EXPECT_EQ(keys_.size(), 2U);
  EXPECT_FALSE(figures(sources).ended);
}

TEST_F(KeySourcesTest, AFifoOutlivesItsWriters) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  KeySources sources(keys_, {}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kFifo, UniqueFd(::open(path("fifo").c_str(), O_RDWR | O_NONBLOCK))));
  for (unsigned i = 0; i < 3; ++i) {
    send(UniqueFd(::open(path("fifo").c_str(), O_WRONLY)), master_line(i) + '\n');
    sources.work(counters_);
  }
  EXPECT_EQ(keys_.size(), 3U);
  EXPECT_FALSE(figures(sources).ended);
}

TEST_F(KeySourcesTest, AFileIsFollowedAndReadAgainWhenItWasTruncated) {
  const UniqueFd writer(::open(path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  KeySources sources(keys_, {}, clock_);
  send(writer, master_line(1) + '\n' + master_line(2).substr(0, 30));
  ASSERT_TRUE(sources.add(1, KeySourceKind::kFile, UniqueFd(::open(path("log").c_str(), O_RDONLY))));
  EXPECT_LE(sources.wait_at_most(), milliseconds(20));
  sources.work(counters_);
  EXPECT_EQ(keys_.size(), 1U);
  send(writer, master_line(2).substr(30) + '\n');
  sources.work(counters_);
  EXPECT_EQ(keys_.size(), 1U) << "not yet its time";
  clock_.advance(milliseconds(20));
  sources.work(counters_);
  EXPECT_EQ(keys_.size(), 2U);
  send(writer, master_line(9).substr(0, 40));
  clock_.advance(milliseconds(20));
  sources.work(counters_);
  ASSERT_EQ(::ftruncate(writer.get(), 0), 0);
  send(writer, master_line(3) + '\n');
  clock_.advance(milliseconds(20));
  sources.work(counters_);
  EXPECT_EQ(keys_.size(), 3U);
  EXPECT_EQ(counters_.of(Counter::kKeysMalformed), 0U);
}

TEST_F(KeySourcesTest, AReplacedFileIsReadToItsEndAndGoesOnCounting) {
  const UniqueFd old(::open(path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  KeySources sources(keys_, {}, clock_);
  send(old, master_line(1) + "\njunk\n");
  ASSERT_TRUE(sources.add(1, KeySourceKind::kFile, UniqueFd(::open(path("log").c_str(), O_RDONLY))));
  sources.work(counters_);
  send(old, master_line(2) + '\n');
  ASSERT_EQ(::rename(path("log").c_str(), path("log.1").c_str()), 0);
  const UniqueFd next(::open(path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  ASSERT_TRUE(sources.add(1, KeySourceKind::kFile, UniqueFd(::open(path("log").c_str(), O_RDONLY))));
  const auto pass = [&] {
    clock_.advance(milliseconds(20));
    sources.work(counters_);
  };
  EXPECT_EQ(figures(sources).accepted, 1U) << "it counts on";
  EXPECT_EQ(figures(sources).malformed, 1U);
  send(next, master_line(3) + '\n');
  pass();
  EXPECT_TRUE(keys_.find(random_of(2))) << "what was there when it was replaced";
  EXPECT_TRUE(keys_.find(random_of(3)));
  send(old, master_line(4) + '\n' + master_line(5));
  pass();
  EXPECT_TRUE(keys_.find(random_of(4))) << "its writer had not noticed yet";
  clock_.advance(KeySources::kLinger);
  pass();
  EXPECT_TRUE(keys_.find(random_of(5))) << "the end of the file ends its last line";
  pass();
  send(old, master_line(6) + '\n');
  pass();
  EXPECT_FALSE(keys_.find(random_of(6))) << "it has been closed";
  EXPECT_EQ(sources.figures().size(), 1U);
  EXPECT_EQ(figures(sources).accepted, 5U);
  EXPECT_FALSE(figures(sources).ended);
  EXPECT_EQ(counters_.of(Counter::kKeysAccepted), 5U);
  EXPECT_EQ(counters_.of(Counter::kKeysMalformed), 1U);
}

TEST_F(KeySourcesTest, WhatWaitsInASourceThatIsRemovedIsTakenAndCounted) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  const UniqueFd writer(pair[1]);
  KeySources sources(keys_, {}, clock_);
  ASSERT_TRUE(sources.add(5, KeySourceKind::kStream, UniqueFd(pair[0])));
  send(writer, master_line(1) + '\n' + "half a li");
  sources.remove(5);
  EXPECT_EQ(keys_.size(), 1U);
  sources.work(counters_);
  EXPECT_EQ(counters_.of(Counter::kKeysAccepted), 1U);
  EXPECT_EQ(counters_.of(Counter::kKeysMalformed), 1U);
}

TEST_F(KeySourcesTest, AStreamEndsAndSourcesCanBeReplaced) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  UniqueFd writer(pair[1]);
  KeySources sources(keys_, {}, clock_);
  ASSERT_TRUE(sources.add(5, KeySourceKind::kStream, UniqueFd(pair[0])));
  send(writer, master_line(1));
  writer.reset();
  sources.work(counters_);
  sources.work(counters_);
  EXPECT_TRUE(figures(sources).ended);
  EXPECT_EQ(keys_.size(), 1U) << "the end of a stream ends its last line";
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  ASSERT_TRUE(sources.add(5, KeySourceKind::kStream, UniqueFd(pair[0])));
  EXPECT_EQ(sources.figures().size(), 1U);
  EXPECT_FALSE(figures(sources).ended);
  sources.remove(5);
  EXPECT_TRUE(sources.figures().empty());
  EXPECT_EQ(::close(pair[1]), 0);
}

}  // namespace
}  // namespace tidegate::inspect
