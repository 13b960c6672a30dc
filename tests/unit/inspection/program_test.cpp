// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/program.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "agent/inspect/wire/channel.hpp"

namespace tidegate::inspection {
namespace {

using ::testing::HasSubstr;

std::string read_all(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string field(const std::string& status, const std::string& name) {
  const auto at = status.find(name + ":\t");
  if (at == status.npos) return "?";
  const auto begin = at + name.size() + 2;
  return status.substr(begin, status.find('\n', begin) - begin);
}

class ProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto ends = inspect::wire::Channel::pair();
    ASSERT_TRUE(ends);
    ours_ = std::move(ends->first);
    auto started = InspectorProcess::start(FAKE_INSPECTOR, {ends->second.get(), ends->second.get()});
    ASSERT_TRUE(started) << started.error().message;
    process_.emplace(std::move(*started));
  }
  std::string proc(const std::string& name) const { return "/proc/" + std::to_string(process_->pid()) + "/" + name; }

  UniqueFd ours_;
  std::optional<InspectorProcess> process_;
};

TEST_F(ProgramTest, HasNoPrivilegeFromItsFirstInstruction) {
  const std::string status = read_all(proc("status"));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    EXPECT_EQ(field(status, set), "0000000000000000") << set;
  }
  EXPECT_EQ(field(status, "NoNewPrivs"), "1");
  EXPECT_EQ(field(status, "SigBlk"), "0000000000000000");
  EXPECT_EQ(read_all(proc("environ")), "");
  EXPECT_EQ(read_all(proc("oom_score_adj")), "500\n");
}

TEST_F(ProgramTest, HasExactlyItsDescriptors) {
  std::vector<int> numbers;
  for (const auto& entry : std::filesystem::directory_iterator(proc("fd"))) {
    numbers.push_back(std::stoi(entry.path().filename()));
  }
  EXPECT_THAT(numbers, ::testing::UnorderedElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(std::filesystem::read_symlink(proc("fd/2")), "/dev/null");
  EXPECT_EQ(std::filesystem::read_symlink(proc("fd/3")), std::filesystem::read_symlink(proc("fd/4")));
}

TEST_F(ProgramTest, ItsEndIsSeenAndNamed) {
  EXPECT_FALSE(process_->ended());
  process_->kill();
  pollfd end{process_->pidfd(), POLLIN, 0};
  ASSERT_EQ(::poll(&end, 1, 5000), 1);
  EXPECT_EQ(process_->ended(), "killed by signal 9");
  EXPECT_FALSE(process_->ended()) << "once";
}

TEST_F(ProgramTest, EndsWithItsChannel) {
  ours_.reset();
  pollfd end{process_->pidfd(), POLLIN, 0};
  ASSERT_EQ(::poll(&end, 1, 5000), 1);
  EXPECT_EQ(process_->ended(), "exited with status 0");
}

TEST_F(ProgramTest, IsReapedWithItsOwner) {
  const pid_t pid = process_->pid();
  process_.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(Program, WhatCannotBeRunIsNamed) {
  const auto started = InspectorProcess::start("/nonexistent/tidegate-inspector", {0});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(started.error().message, HasSubstr("cannot run /nonexistent/tidegate-inspector"));
}

}  // namespace
}  // namespace tidegate::inspection
