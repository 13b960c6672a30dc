// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/key_sources.hpp"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/inspect/keys/lines.hpp"

namespace tidegate::inspect {
namespace {

using std::chrono::milliseconds;

class KeySourcesTest : public ::testing::Test {
 protected:
  KeySourcesTest() {
    std::string name = "/tmp/tidegate-keys-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~KeySourcesTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const char* name) const { return directory_ + '/' + name; }

  sockaddr_un address(const std::string& where) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    where.copy(address.sun_path, sizeof(address.sun_path) - 1);
    return address;
  }
  UniqueFd bound(int type) const {
    UniqueFd fd(::socket(AF_UNIX, type | SOCK_NONBLOCK, 0));
    const sockaddr_un where = address(path("keys.sock"));
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof(where)), 0);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(::listen(fd.get(), 512), 0);
    }
    return fd;
  }
  UniqueFd connected(int type) const {
    UniqueFd fd(::socket(AF_UNIX, type, 0));
    const sockaddr_un where = address(path("keys.sock"));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof(where)), 0);
    return fd;
  }
  void send(const UniqueFd& fd, std::string_view text) const {
    ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  KeySourceFigures figures(KeySources& sources) const { return sources.figures().at(0); }

  std::string directory_;
  ManualClock clock_;
  Counters counters_;
  KeyStore keys_{{.sessions = 4096}, clock_};
};

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

TEST_F(KeySourcesTest, SendersBeyondTheBoundAreRefusedAndPlacesComeFree) {
  KeySources sources(keys_, {.connections = 4}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kListener, bound(SOCK_STREAM)));
  std::vector<UniqueFd> senders;
  for (unsigned i = 0; i < 6; ++i) senders.push_back(connected(SOCK_STREAM));
  sources.work(counters_);
  EXPECT_EQ(figures(sources).connections, 4U);
  EXPECT_EQ(counters_.of(Counter::kKeysRefused), 2U);
  senders.clear();
  sources.work(counters_);
  const UniqueFd again = connected(SOCK_STREAM);
  sources.work(counters_);
  EXPECT_EQ(figures(sources).connections, 1U);
}

TEST_F(KeySourcesTest, OnlyThoseAllowedMaySend) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  KeySources sources(keys_, {}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kListener, bound(SOCK_STREAM), {.users = {4001}, .groups = {4002}}));
  ::chmod(directory_.c_str(), 0755);
  ::chmod(path("keys.sock").c_str(), 0666);
  const gid_t supplementary[] = {4003, 4002};
  const auto as = [&](uid_t user, gid_t group, std::size_t groups) {
    EXPECT_EQ(::setgroups(groups, supplementary), 0);
    EXPECT_EQ(::setegid(group), 0);
    EXPECT_EQ(::seteuid(user), 0);
    UniqueFd fd = connected(SOCK_STREAM);
    EXPECT_EQ(::seteuid(0), 0);
    EXPECT_EQ(::setegid(0), 0);
    EXPECT_EQ(::setgroups(0, nullptr), 0);
    return fd;
  };
  std::vector<UniqueFd> senders;
  senders.push_back(as(0, 0, 0));
  senders.push_back(as(4001, 4001, 0));
  senders.push_back(as(4004, 4002, 0));
  senders.push_back(as(4004, 4004, 2));
  sources.work(counters_);
  EXPECT_EQ(figures(sources).connections, 4U);
  senders.push_back(as(4004, 4004, 1));
  sources.work(counters_);
  EXPECT_EQ(figures(sources).connections, 4U);
  EXPECT_EQ(figures(sources).refused, 1U);
  EXPECT_EQ(counters_.of(Counter::kKeysRefused), 1U);
}

TEST_F(KeySourcesTest, AFloodRestsWhileOthersAreRead) {
  KeySources sources(keys_, {.bytes_per_pass = 4096, .bytes_per_second = 1 << 20}, clock_);
  ASSERT_TRUE(sources.add(1, KeySourceKind::kListener, bound(SOCK_STREAM)));
  const UniqueFd flood = connected(SOCK_STREAM);
  ASSERT_EQ(::fcntl(flood.get(), F_SETFL, O_NONBLOCK), 0);
  const UniqueFd calm = connected(SOCK_STREAM);
  sources.work(counters_);
  const std::string junk(4096, '\n');
  send(calm, master_line(1) + '\n');
  for (int i = 0; i < 100; ++i) {
    while (::write(flood.get(), junk.data(), junk.size()) > 0) {
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
