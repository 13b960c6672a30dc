// SPDX-License-Identifier: Apache-2.0
#include "agent/history/state.hpp"

#include <gmock/gmock.h>
#include <signal.h>

#include <array>
#include <fstream>

#include "tests/unit/base/child.hpp"
#include "tests/unit/decisions/support.hpp"

namespace tidegate::history {
namespace {

using decisions::test::TempDir;
using ::testing::HasSubstr;

TEST(State, MakesItsDirectoryForItselfOnly) {
  const TempDir directory;
  const auto state = State::open(directory / "a", system_clock());
  ASSERT_TRUE(state) << state.error().message;
  const auto mode = std::filesystem::status(directory / "a").permissions();
  EXPECT_EQ(mode & std::filesystem::perms::mask, std::filesystem::perms::owner_all);
  EXPECT_TRUE(state->decisions().put({{decisions::test::block("192.0.2.1")}}));
  EXPECT_TRUE(state->safelist().list());
  EXPECT_TRUE(state->history().list());
  EXPECT_TRUE(state->make_spool());
}

TEST(State, ASecondAgentIsRefusedByThePidOfTheFirst) {
  const TempDir directory;
  const auto first = State::open(directory.path(), system_clock());
  ASSERT_TRUE(first);
  tidegate::test::in_child([&] {
    const auto second = State::open(directory.path(), system_clock());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_THAT(second.error().message, HasSubstr("pid " + std::to_string(getppid())));
    EXPECT_THAT(second.error().message, HasSubstr(directory.path().string()));
  });
}

TEST(State, ADeadAgentHoldsNothing) {
  const TempDir directory;
  std::array<int, 2> pipes{};
  ASSERT_EQ(pipe(pipes.data()), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto state = State::open(directory.path(), system_clock());
    const auto stored = state->decisions().put({{decisions::test::block("192.0.2.1")}});
    const char byte = stored ? 'y' : 'n';
    if (write(pipes[1], &byte, 1) == 1) pause();
    _exit(1);
  }
  char byte = 0;
  ASSERT_EQ(read(pipes[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  close(pipes[0]);
  close(pipes[1]);
  const auto state = State::open(directory.path(), system_clock());
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->decisions().count().value_or(0), 1U);
}

TEST(State, ClosedAndOpenedAgain) {
  const TempDir directory;
  ASSERT_TRUE(State::open(directory.path(), system_clock()));
  EXPECT_TRUE(State::open(directory.path(), system_clock()));
}

TEST(State, AnUnwritableDirectoryIsNamedWithTheRemedy) {
  const TempDir directory;
  tidegate::test::in_child([&] {
    std::filesystem::permissions(directory.path(), std::filesystem::perms::owner_read |
                                                       std::filesystem::perms::owner_exec |
                                                       std::filesystem::perms::others_exec);
    if (geteuid() == 0) {
      ASSERT_EQ(setresuid(65534, 65534, 65534), 0);
    }
    const auto state = State::open(directory.path(), system_clock());
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code, ErrorCode::kPermissionDenied) << state.error().message;
    EXPECT_THAT(state.error().message, HasSubstr(directory.path().string()));
    EXPECT_THAT(state.error().message, HasSubstr("state_dir"));
    const auto inside = State::open(directory / "made", system_clock());
    ASSERT_FALSE(inside);
    EXPECT_EQ(inside.error().code, ErrorCode::kPermissionDenied) << inside.error().message;
  });
}

TEST(State, AFileInItsPlaceIsSaid) {
  const TempDir directory;
  std::ofstream(directory / "state") << "x";
  const auto state = State::open(directory / "state", system_clock());
  ASSERT_FALSE(state);
  EXPECT_THAT(state.error().message, HasSubstr("Not a directory"));
}

TEST(State, AFullDiskIsSaid) {
  if (!tidegate::test::may_mount()) GTEST_SKIP() << "mounting a small disk needs CAP_SYS_ADMIN";
  const TempDir directory;
  tidegate::test::in_child([&] {
    ASSERT_TRUE(tidegate::test::mount_small_disk(directory.path(), 16));
    const auto state = State::open(directory.path(), system_clock());
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code, ErrorCode::kResourceExhausted) << state.error().message;
  });
}

TEST(State, DamageOfOneFileIsSaidByItsName) {
  const TempDir directory;
  ASSERT_TRUE(State::open(directory.path(), system_clock()));
  std::ofstream(directory / "history.db", std::ios::trunc) << std::string(8192, 'x');
  const auto state = State::open(directory.path(), system_clock());
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(state.error().message, HasSubstr("history.db"));
}

}  // namespace
}  // namespace tidegate::history
