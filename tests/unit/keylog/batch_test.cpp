// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/key_reader.hpp"
#include "tests/harness/process.hpp"
#include "tests/unit/keylog/descriptor.hpp"
#include "tests/unit/keylog/stopped_clock.hpp"

extern "C" {
#include "agent/keylog/batch.h"
#include "agent/keylog/channel.h"
#include "agent/keylog/process.h"
}

namespace tidegate::harness {
namespace {

using std::chrono::milliseconds;

class KeylogBatch : public testing::Test {
 protected:
  KeylogBatch() { channel_configure(reader_.path().c_str()); }
  static void add(std::string line, enum line_kind kind) {
    line += "\n";
    batch_add(line.data(), line.size(), kind);
  }
  ~KeylogBatch() override {
    add("rest", LINE_ALONE);  // nothing is left for the next test
    batch_end_turn();
    close_channel();
  }

  TempDir directory_;
  KeyReader reader_{directory_.path() / "keys.sock"};
};

TEST_F(KeylogBatch, LinesOfNoUseYetWaitForTheLast) {
  add("one", LINE_HELD);
  add("two", LINE_HELD);
  EXPECT_FALSE(reader_.wait_for(1, milliseconds(50)));
  add("three", LINE_LAST);
  ASSERT_TRUE(reader_.wait_for(3));
  EXPECT_EQ(reader_.text(), "one\ntwo\nthree\n");
}

TEST_F(KeylogBatch, AnotherConnectionTakesThemAlong) {
  add("held", LINE_HELD);
  add("other", LINE_ALONE);
  ASSERT_TRUE(reader_.wait_for(2));
}

TEST_F(KeylogBatch, EarlyDataIsReadBeforeTheLastLine) {
  add("CLIENT_EARLY_TRAFFIC_SECRET", LINE_EARLY);
  add("SERVER_HANDSHAKE_TRAFFIC_SECRET", LINE_HELD);
  EXPECT_FALSE(reader_.wait_for(1, milliseconds(50)));
  add("SERVER_TRAFFIC_SECRET_0 ", LINE_HELD);
  EXPECT_TRUE(reader_.wait_for(3));
  add("SERVER_TRAFFIC_SECRET_0 ", LINE_HELD);
  EXPECT_FALSE(reader_.wait_for(4, milliseconds(50))) << "the next connection has no early data";
}

TEST_F(KeylogBatch, HandshakesThatAreNeverFinished) {
  const std::string line(LINE_ROOM - 1, 'x');
  for (int i = 0; i < 1000; ++i) add(line, LINE_HELD);
  add("last", LINE_LAST);
  ASSERT_TRUE(reader_.wait_for(1001));
  for (const std::string& each : reader_.lines()) EXPECT_TRUE(each == line || each == "last");
}

// Complete lines that a server with an event loop leaves until nothing is ready any more.
class KeylogTurns : public KeylogBatch {
 protected:
  StoppedClock clock_;
};

TEST_F(KeylogTurns, CompleteLinesWaitForTheEnd) {
  batch_begin_turn();
  add("one", LINE_HELD);
  add("two", LINE_LAST);
  add("three", LINE_ALONE);
  EXPECT_FALSE(reader_.wait_for(1, milliseconds(50)));
  batch_end_turn();
  ASSERT_TRUE(reader_.wait_for(3));
  EXPECT_EQ(reader_.text(), "one\ntwo\nthree\n");
  add("four", LINE_ALONE);
  EXPECT_TRUE(reader_.wait_for(4)) << "between turns nothing waits";
}

TEST_F(KeylogTurns, LinesWaitForFurtherTurnsOnlyAMoment) {
  EXPECT_FALSE(batch_may_wait()) << "there are none";
  batch_begin_turn();
  add("held", LINE_HELD);
  EXPECT_FALSE(batch_may_wait()) << "none that anybody misses";
  add("last", LINE_LAST);
  clock_.advance(3);
  EXPECT_TRUE(batch_may_wait());
  clock_.advance(1);
  batch_begin_turn();
  add("next", LINE_ALONE);
  EXPECT_FALSE(batch_may_wait()) << "the oldest counts";
  batch_end_turn();
  EXPECT_TRUE(reader_.wait_for(3));
}

TEST_F(KeylogTurns, AThreadThatDoesNotComeBackToItsLoop) {
  batch_begin_turn();
  clock_.advance(99);
  add("one", LINE_ALONE);
  EXPECT_FALSE(reader_.wait_for(1, milliseconds(50)));
  clock_.advance(1);
  add("two", LINE_ALONE);
  EXPECT_TRUE(reader_.wait_for(2));
}

TEST_F(KeylogTurns, ManyHandshakesInOne) {
  const std::string line(LINE_ROOM - 1, 'x');
  batch_begin_turn();
  for (int i = 0; i < 1000; ++i) add(line, LINE_ALONE);
  batch_end_turn();
  ASSERT_TRUE(reader_.wait_for(1000));
  for (const std::string& each : reader_.lines()) EXPECT_EQ(each, line);
}

TEST_F(KeylogTurns, WhoHasTheLinesSendsThoseOfOthers) {
  std::binary_semaphore added{0}, taken{0}, ended{0};
  std::jthread other([&] {
    batch_begin_turn();
    add("other", LINE_ALONE);
    added.release();
    taken.acquire();
    batch_end_turn();  // while this thread's next line is being added
    ended.release();
  });
  added.acquire();
  batch_begin_turn();
  clock_.at_next_look([&] {
    taken.release();
    ended.acquire();
  });
  add("own", LINE_ALONE);
  EXPECT_TRUE(reader_.wait_for(2));
}

TEST_F(KeylogTurns, ThreadsDoNotWaitForEachOther) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 40; ++j) {
        batch_begin_turn();
        add("line", LINE_ALONE);
        batch_end_turn();
      }
    });
  }
  threads.clear();
  EXPECT_TRUE(reader_.wait_for(320));
}

TEST_F(KeylogTurns, AChildDoesNotSendWhatItsParentLeft) {
  batch_begin_turn();
  add("parent", LINE_ALONE);
  const pid_t child = ::fork();
  if (child == 0) {
    batch_end_turn();
    add("child", LINE_ALONE);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(reader_.wait_for(1));
  batch_end_turn();
  ASSERT_TRUE(reader_.wait_for(2));
  EXPECT_THAT(reader_.lines(), testing::UnorderedElementsAre("child", "parent"));
}

// However it was forked: the C library does not know of the second one.
TEST(KeylogProcess, AChildKnowsItselfFromItsParent) {
  process_prepare();
  ASSERT_EQ(process_id(), ::getpid());
  for (const bool raw : {false, true}) {
    const pid_t child = raw ? static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) : ::fork();
    if (child == 0) ::_exit(process_id() == ::getpid() && process_id() == ::getpid() ? 0 : 1);
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0) << raw;
    EXPECT_EQ(process_id(), ::getpid());
  }
}

TEST_F(KeylogBatch, AChildDoesNotSendItsParentsLines) {
  add("parent", LINE_HELD);
  const pid_t child = ::fork();
  if (child == 0) {
    add("child", LINE_ALONE);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_TRUE(reader_.wait_for(1));
  add("parent again", LINE_LAST);
  ASSERT_TRUE(reader_.wait_for(3));
  EXPECT_EQ(reader_.text(), "child\nparent\nparent again\n");
}

TEST_F(KeylogBatch, ThreadsDoNotWaitForEachOther) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([i] {
      for (int j = 0; j < 100; ++j)
        add(std::string(100, static_cast<char>('a' + i)), j % 2 == 0 ? LINE_HELD : LINE_LAST);
    });
  }
  threads.clear();
  ASSERT_TRUE(reader_.wait_for(800));
  for (const std::string& line : reader_.lines()) EXPECT_EQ(line, std::string(100, line[0]));
}

}  // namespace
}  // namespace tidegate::harness
