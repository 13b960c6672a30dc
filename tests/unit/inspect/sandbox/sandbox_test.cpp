// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/sandbox/sandbox.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/unit/inspect/sandbox/escapes.hpp"

namespace tidegate::inspect::sandbox {
namespace {

const std::array<std::byte, 64> kFrame{};

long say(int channel, const std::string& text) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return sendmsg(channel, &message, MSG_NOSIGNAL);
}

std::string hear(const UniqueFd& channel) {
  std::array<char, 4096> room{};
  const ssize_t size = recv(channel.get(), room.data(), room.size(), 0);
  return size > 0 ? std::string(room.data(), static_cast<std::size_t>(size)) : "";
}

TEST(Sandbox, NothingLeadsOut) {
  for (const Escape& escape : escapes()) {
    const Fate fate = try_in_sandbox([&escape](int) { return escape.attempt(); });
    EXPECT_TRUE(is_refused(fate)) << escape.name << ": " << text_of(fate);
  }
}

TEST(Sandbox, OtherDescriptorsAreOnlyRead) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  for (const Escape& escape : escapes_with(theirs.get(), kFrame)) {
    const Fate fate = try_in_sandbox([&escape](int) { return escape.attempt(); }, {theirs.get()});
    EXPECT_TRUE(is_refused(fate)) << escape.name << ": " << text_of(fate);
  }
  pollfd nothing{ours.get(), POLLIN, 0};
  EXPECT_EQ(poll(&nothing, 1, 0), 0) << "something was sent";
}

// The number of the channel can never come to mean another descriptor.
TEST(Sandbox, TheChannelStaysWhatItIs) {
  EXPECT_TRUE(is_refused(try_in_sandbox([](int channel) { return close(channel); })));
  EXPECT_TRUE(is_refused(
      try_in_sandbox([](int channel) { return syscall(SYS_close, (1ULL << 32) | static_cast<unsigned>(channel)); })));
  EXPECT_TRUE(is_refused(try_in_sandbox([](int channel) { return dup2(0, channel); })));
}

// Where payloads are handed on, two descriptors can be sent on: neither can become another, and no third joins them.
TEST(Sandbox, AFeedIsASecondChannelAndNoMore) {
  if (kSanitized) GTEST_SKIP() << kWhySanitized;
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const auto fate_in = [&](const std::function<bool(int channel, int feed)>& attempt) {
    const pid_t child = fork();
    if (child == 0) {
      const int channel = dup2(theirs.get(), 100);
      const int feed = dup2(theirs.get(), 100 ^ 128);
      const int third = dup2(theirs.get(), 101);
      Facts facts;
      if (channel != 100 || third != 101 || !isolate({channel, third, feed}) || !drop_privileges(300, facts)) _exit(9);
      if (!seal(channel, facts, feed)) _exit(9);
      _exit(static_cast<int>(attempt(channel, feed) ? Fate::kSucceeded : Fate::kReachedTheKernel));
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return text_of(fate_of(status));
  };
  EXPECT_EQ(fate_in([](int channel, int feed) { return say(channel, "a") == 1 && say(feed, "b") == 1; }), "succeeded");
  EXPECT_EQ(hear(ours), "a");
  EXPECT_EQ(hear(ours), "b");
  EXPECT_EQ(fate_in([](int, int) { return close(101) == 0 && close(0) == 0; }), "succeeded") << "others may be closed";
  for (const int number : {100, 100 ^ 128}) {
    EXPECT_EQ(fate_in([number](int, int) { return close(number) == 0; }), "killed") << number;
  }
  EXPECT_EQ(fate_in([](int, int) { return say(101, "c") == 1; }), "killed");
}

TEST(Sandbox, WhatTheInspectorNeedsWorks) {
  if (kSanitized) GTEST_SKIP() << kWhySanitized;
  UniqueFd other;
  const pid_t child = imprison(
      [](int channel) {
        std::vector<char> memory(64 << 20, 'x');  // mapped
        std::vector<std::unique_ptr<int>> small;  // from the heap
        for (int i = 0; i < 10'000; ++i) small.push_back(std::make_unique<int>(i));
        pollfd entry{channel, POLLIN, 0};
        timespec now{};
        char byte = 0;
        const bool works = syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) == 0 && poll(&entry, 1, 1000) == 1 &&
                           recv(channel, &byte, 1, 0) == 1 && syscall(SYS_getrandom, &byte, 1, 0) == 1 &&
                           close(0) == 0 && close(2) == 0;
        return works ? say(channel, "fine") : -1L;
      },
      {}, &other);
  ASSERT_EQ(send(other.get(), "x", 1, 0), 1);
  EXPECT_EQ(hear(other), "fine");
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(text_of(fate_of(status)), "succeeded");
}

// Threads that ran before the filter was loaded are under it too.
TEST(Sandbox, EveryThreadIsSealed) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const pid_t child = fork();
  if (child == 0) {
    Facts facts;
    if (!isolate({theirs.get()}) || !drop_privileges(64, facts)) _exit(9);
    std::atomic<bool> sealed = false;
    std::thread worker([&sealed] {
      while (!sealed) std::this_thread::yield();
      socket(AF_INET, SOCK_STREAM, 0);
      _exit(9);
    });
    if (!seal(theirs.get(), facts)) _exit(9);
    sealed = true;
    worker.join();
    _exit(9);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(text_of(fate_of(status)), "killed");
}

std::string status_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/status");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Sandbox, NoCapabilityNoNewPrivilegeNoStrayDescriptor) {
  UniqueFd other;
  const UniqueFd stray(dup(0));
  const pid_t child = imprison(
      [](int channel) {
        say(channel, "in");
        char byte = 0;
        return recv(channel, &byte, 1, 0);
      },
      {}, &other);
  EXPECT_EQ(hear(other), "in");
  const std::string status = status_of(child);
  for (const char* line : {"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000",
                           "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"}) {
    EXPECT_NE(status.find(line), std::string::npos) << line << " in\n" << status;
  }
  if (geteuid() == 0) {
    EXPECT_NE(status.find("CapBnd:\t0000000000000000"), std::string::npos) << status;
    EXPECT_NE(status.find("Uid:\t65534\t65534\t65534\t65534"), std::string::npos) << status;
    std::size_t open = 0;
    for (int fd = 0; fd < 1024; ++fd) {
      struct stat found {};
      open += lstat(("/proc/" + std::to_string(child) + "/fd/" + std::to_string(fd)).c_str(), &found) == 0 ? 1 : 0;
    }
    EXPECT_EQ(open, 4U) << "the null device three times, and the channel";
  }
  EXPECT_EQ(send(other.get(), "x", 1, 0), 1);
  int end = 0;
  EXPECT_EQ(waitpid(child, &end, 0), child);
}

TEST(Sandbox, ACrashLeavesNoCore) {
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  static_cast<void>(setrlimit(RLIMIT_CORE, &unlimited));
  UniqueFd other;
  const pid_t child = imprison(
      [](int) {
        __builtin_trap();
        return 0L;
      },
      {}, &other);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(WCOREDUMP(status));
}

// The prisoner holds the pipe's other end; its end of file is the prisoner's death.
TEST(Sandbox, DiesWithItsParent) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t parent = fork();
  if (parent == 0) {
    UniqueFd other;
    imprison(
        [](int channel) {
          say(channel, "in");
          pollfd never{-1, 0, 0};
          return static_cast<long>(poll(&never, 1, -1));
        },
        {write_end.get()}, &other);
    hear(other);
    other.release();  // left open: it is the parent's death that counts
    _exit(0);
  }
  write_end.reset();
  pollfd entry{read_end.get(), POLLIN, 0};
  EXPECT_EQ(poll(&entry, 1, 10'000), 1) << "it outlived its parent";
  int status = 0;
  EXPECT_EQ(waitpid(parent, &status, 0), parent);
}

TEST(Sandbox, FactsAreReported) {
  if (kSanitized) GTEST_SKIP() << kWhySanitized;
  const Fate fate = try_in_sandbox([](int) { return 0L; });
  EXPECT_EQ(text_of(fate), "succeeded");
  const pid_t child = fork();
  if (child == 0) {
    Facts facts;
    const bool entered = isolate({}) && drop_privileges(16, facts) && seal(1, facts);
    _exit(entered && facts.filter && facts.no_capabilities && facts.no_dump ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace tidegate::inspect::sandbox
