// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/key_reader.hpp"
#include "tests/harness/process.hpp"
#include "tests/unit/keylog/descriptor.hpp"

extern "C" {
#include "agent/keylog/channel.h"
}

namespace tidegate::harness {
namespace {

class KeylogChannel : public testing::Test {
 protected:
  KeylogChannel() { channel_configure(path_.c_str()); }
  static void send(const std::string& line, unsigned lines = 1) { channel_send(line.data(), line.size(), lines); }
  void TearDown() override { close_channel(); }
  // What a child of this process sees; it must not run into the end of the test.
  static void in_child(const std::function<void()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      work();
      ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
  }

  TempDir directory_;
  std::string path_ = directory_.path() / "keys.sock";
};

TEST_F(KeylogChannel, LinesArriveInOrder) {
  const KeyReader reader(path_);
  channel_prepare();
  for (int i = 0; i < 100; ++i) send("line " + std::to_string(i) + "\n");
  ASSERT_TRUE(reader.wait_for(100));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(reader.lines()[i], "line " + std::to_string(i));
  EXPECT_EQ(reader.senders().size(), 1u);
}

TEST_F(KeylogChannel, NobodyListens) {
  errno = 4711;
  channel_prepare();
  send("lost\n");
  EXPECT_EQ(errno, 4711);
  EXPECT_EQ(channel_descriptor(), -1);
}

TEST_F(KeylogChannel, SwitchedOff) {
  const KeyReader reader(path_);
  for (const std::string& path : {std::string(), std::string(200, 'x')}) {
    channel_configure(path.c_str());
    channel_prepare();
    send("kept to itself\n");
    EXPECT_EQ(channel_descriptor(), -1);
  }
}

TEST_F(KeylogChannel, WhatDoesNotFitIsDroppedCountedAndTold) {
  KeyReader reader(path_, {.read = false});
  const std::string line(500, 'x');
  errno = 4711;
  constexpr int kSent = 20000;
  for (int i = 0; i < kSent; ++i) send(line + "\n");
  EXPECT_EQ(errno, 4711);
  reader.start_reading();
  std::string last;
  for (int i = 0; i < 500 && !last.starts_with("#dropped"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // until there is room again
    send("end\n");
    const auto lines = reader.lines();
    for (const std::string& each : lines) {
      if (each.starts_with("#dropped ")) last = each;
    }
  }
  ASSERT_TRUE(last.starts_with("#dropped ")) << "nothing told of what was dropped";
  std::size_t arrived = 0, ends = 0;
  for (const std::string& each : reader.lines()) {
    arrived += each == line;
    ends += each == "end";
    EXPECT_TRUE(each == line || each == "end" || each == last) << each;
  }
  EXPECT_LT(arrived, kSent);
  EXPECT_GE(std::stoul(last.substr(9)), kSent - arrived) << "those before the note, and refused ends";
  EXPECT_GE(ends, 1u);
}

TEST_F(KeylogChannel, TheReaderComesBack) {
  {
    const KeyReader reader(path_);
    send("first\n");
    ASSERT_TRUE(reader.wait_for(1));
  }
  send("lost\n");
  send("lost too\n");
  const KeyReader reader(path_);
  for (int i = 0; i < 500 && reader.lines().empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // the pause between attempts
    send("again\n");
  }
  ASSERT_TRUE(reader.wait_for(2));
  const auto lines = reader.lines();
  EXPECT_TRUE(lines[0].starts_with("#dropped ")) << lines[0];
  EXPECT_GE(std::stoul(lines[0].substr(9)), 2u);
  EXPECT_EQ(lines[1], "again");
}

TEST_F(KeylogChannel, ARestartBetweenTwoLinesLosesNone) {
  auto reader = std::make_unique<KeyReader>(path_);
  send("first\n");
  ASSERT_TRUE(reader->wait_for(1));
  reader.reset();
  reader = std::make_unique<KeyReader>(path_);
  send("second\n");
  ASSERT_TRUE(reader->wait_for(1));
  EXPECT_EQ(reader->lines()[0], "second");
}

TEST_F(KeylogChannel, ADescriptorThatWasTakenAwayIsNotWrittenTo) {
  const KeyReader reader(path_);
  send("first\n");
  ASSERT_TRUE(reader.wait_for(1));
  const int fd = channel_descriptor();
  ASSERT_GE(fd, 100);
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  ASSERT_EQ(::dup2(pair[0], fd), fd) << "now the number is a client's";
  send("second\n");
  ASSERT_TRUE(reader.wait_for(2));
  char byte;
  EXPECT_EQ(::recv(pair[1], &byte, 1, MSG_DONTWAIT), -1) << "a secret went to a stranger";
  EXPECT_EQ(reader.senders().size(), 2u);
  for (const int each : {pair[0], pair[1], fd}) ::close(each);
}

TEST_F(KeylogChannel, EachProcessHasItsOwnConnection) {
  const KeyReader reader(path_);
  send("parent\n");
  ASSERT_TRUE(reader.wait_for(1));
  in_child([] { send("child\n"); });
  send("parent again\n");
  ASSERT_TRUE(reader.wait_for(3));
  ASSERT_EQ(reader.senders().size(), 2u);
  EXPECT_NE(reader.senders()[0], reader.senders()[1]);
}

TEST_F(KeylogChannel, AChildThatMayNotConnectUsesTheParentsConnection) {
  const KeyReader reader(path_);
  channel_prepare();
  in_child([&] {
    if (::rename(path_.c_str(), (path_ + "-away").c_str()) == 0) send("child\n");
  });
  ASSERT_TRUE(reader.wait_for(1));
  EXPECT_EQ(reader.lines()[0], "child");
  EXPECT_EQ(reader.senders().size(), 1u);
}

TEST_F(KeylogChannel, AChildDoesNotTellOfWhatItsParentDropped) {
  send("lost\n");
  const KeyReader reader(path_);
  in_child([] { send("child\n"); });
  ASSERT_TRUE(reader.wait_for(1));
  EXPECT_EQ(reader.lines()[0], "child");
}

TEST_F(KeylogChannel, ThreadsDoNotMixTheirLines) {
  const KeyReader reader(path_);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([i] {
      for (int j = 0; j < 200; ++j) send(std::string(200, static_cast<char>('a' + i)) + "\n");
    });
  }
  threads.clear();
  send("end\n");
  std::size_t told = 0, whole = 0;
  while (reader.wait_for(whole + 1)) {
    const auto lines = reader.lines();
    whole = lines.size();
    if (lines.back() == "end") break;
  }
  for (const std::string& line : reader.lines()) {
    if (line.starts_with("#dropped ")) told += std::stoul(line.substr(9));
    EXPECT_TRUE(line == "end" || line.starts_with("#") || line == std::string(200, line[0])) << line;
  }
  EXPECT_EQ(reader.senders().size(), 1u);
  EXPECT_EQ(reader.lines().size() + told, 1601u + (told > 0 ? 1 : 0));
}

}  // namespace
}  // namespace tidegate::harness
