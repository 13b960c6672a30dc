// SPDX-License-Identifier: Apache-2.0
// Every kind of source is read with nothing but the system calls that the sandbox leaves.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <filesystem>

#include "agent/inspect/keys/key_sources.hpp"
#include "tests/unit/inspect/keys/lines.hpp"
#include "tests/unit/inspect/sandbox/prisoner.hpp"

namespace tidegate::inspect {
namespace {

using Sources = std::vector<std::pair<KeySourceKind, int>>;

// Ends with 0 once the store has `expected` sessions. The store is made here, because its memory is not inherited.
[[noreturn]] void read_in_sandbox(int channel, const Sources& from, std::size_t expected) {
  std::vector<int> keep{channel};
  for (const auto& source : from) keep.push_back(source.second);
  if (!sandbox::isolate(keep)) _exit(10);
  Counters counters;
  KeyStore keys({.sessions = 64}, system_clock());
  KeySources sources(keys, {}, system_clock());
  for (std::uint32_t i = 0; i < from.size(); ++i) {
    if (!sources.add(i, from[i].first, UniqueFd(from[i].second))) _exit(11);
  }
  sandbox::Facts facts;
  if (!sandbox::drop_privileges(64, facts) || !sandbox::seal(channel, facts)) _exit(12);
  for (int i = 0; i < 500 && keys.size() < expected; ++i) {
    pollfd entry{sources.wait_fd(), POLLIN, 0};
    poll(&entry, 1, static_cast<int>(std::min<long>(sources.wait_at_most().count(), 20)));
    sources.work(counters);
  }
  if (std::ranges::any_of(sources.figures(), &KeySourceFigures::ended)) _exit(13);
  _exit(keys.size() == expected ? 0 : 14);
}

class SandboxedSourcesTest : public ::testing::Test {
 protected:
  SandboxedSourcesTest() {
    std::string name = "/tmp/tidegate-keys-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel_), 0);
  }
  ~SandboxedSourcesTest() override {
    for (const int fd : channel_) ::close(fd);
    std::filesystem::remove_all(directory_);
  }
  std::string path(const char* name) const { return directory_ + '/' + name; }
  sockaddr_un address(const char* name) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path(name).copy(address.sun_path, sizeof(address.sun_path) - 1);
    return address;
  }
  UniqueFd bound(int type, const char* name) const {
    UniqueFd fd(::socket(AF_UNIX, type | SOCK_NONBLOCK, 0));
    const sockaddr_un where = address(name);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof(where)), 0);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(::listen(fd.get(), 8), 0);
    }
    return fd;
  }
  UniqueFd connected(int type, const char* name) const {
    UniqueFd fd(::socket(AF_UNIX, type, 0));
    const sockaddr_un where = address(name);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof(where)), 0);
    return fd;
  }
  static void send(const UniqueFd& fd, const std::string& text) {
    ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  std::string directory_;
  int channel_[2] = {-1, -1};
};

TEST_F(SandboxedSourcesTest, AllKindsAreRead) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers make system calls of their own, which end the sandboxed process";
#endif
  const UniqueFd listener = bound(SOCK_STREAM, "keys.sock");
  const UniqueFd datagrams = bound(SOCK_DGRAM, "haproxy.sock");
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  const UniqueFd fifo(::open(path("fifo").c_str(), O_RDWR | O_NONBLOCK));
  const UniqueFd writer(::open(path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  const UniqueFd file(::open(path("log").c_str(), O_RDONLY));
  const Sources sources{{KeySourceKind::kListener, listener.get()},
                        {KeySourceKind::kDatagram, datagrams.get()},
                        {KeySourceKind::kFifo, fifo.get()},
                        {KeySourceKind::kFile, file.get()}};
  const pid_t child = ::fork();
  if (child == 0) read_in_sandbox(channel_[0], sources, 4);
  ASSERT_GT(child, 0);
  const UniqueFd sender = connected(SOCK_STREAM, "keys.sock");
  send(sender, master_line(1) + '\n');
  const UniqueFd haproxy = connected(SOCK_DGRAM, "haproxy.sock");
  send(haproxy, "<134>haproxy[1]: " + master_line(2));
  send(fifo, master_line(3) + '\n');
  send(writer, master_line(4) + '\n');
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "13: a source was given up; 14: a line is missing";
}

}  // namespace
}  // namespace tidegate::inspect
