// SPDX-License-Identifier: Apache-2.0
// Exit codes and the one line that comes with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "agent/base/unique_fd.hpp"
#include "cli/version.hpp"
#include "tests/unit/cli/fake_agent.hpp"
#include "tests/unit/cli/runner.hpp"

namespace tidegate::cli::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

int lines(const std::string& text) { return static_cast<int>(std::count(text.begin(), text.end(), '\n')); }

TEST(Run, HelpAndVersionGoToStdoutAndExit0) {
  Runner run;
  const Ran help = run({"--help"});
  EXPECT_EQ(help.exit, 0);
  EXPECT_THAT(help.out, HasSubstr("policy"));
  EXPECT_EQ(help.err, "");
  const Ran version = run({"--version"});
  EXPECT_EQ(version.exit, 0);
  EXPECT_EQ(version.out, std::string("tidegate ") + kVersion + "\n");
}

TEST(Run, WrongUsageExits2WithOneLineThatNamesTheHelp) {
  Runner run;
  const std::vector<std::vector<std::string>> wrong{{},
                                                    {"policy"},
                                                    {"block"},
                                                    {"block", "203.0.113.7", "--for", "1y"},
                                                    {"-o", "xml", "status"},
                                                    {"status", "extra"},
                                                    {"events", "--since", "0s"},
                                                    {"top", "--by", "moon"},
                                                    {"policy", "rollback", "x"},
                                                    {"completion", "fish"}};
  for (const auto& words : wrong) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.exit, 2) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(lines(ran.err), 1) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("--help`"));
  }
}

TEST(Run, NamesTheCommandThatWasProbablyMeant) {
  Runner run;
  EXPECT_EQ(run({"statu"}).err,
            "tidegate: there is no command 'statu'; did you mean 'status'? See `tidegate --help`\n");
  EXPECT_THAT(run({"policy", "chekc"}).err, HasSubstr("did you mean 'check'? See `tidegate policy --help`"));
}

TEST(Run, RefusesTheNetworkOptionsOfLaterWork) {
  Runner run;
  for (const char* option : {"--server", "--cert", "--key", "--ca", "--token-file"}) {
    const Ran ran = run({option, "x", "status"});
    EXPECT_EQ(ran.exit, 2);
    EXPECT_THAT(ran.err, HasSubstr("listens only on a Unix socket"));
  }
}

TEST(Run, WithoutAnAgentExits3AndSaysWhichSocketAndHowToStartIt) {
  Runner run;
  const std::string absent = "/nonexistent/tidegate.sock";
  const Ran ran = run({"--socket", absent, "why", "203.0.113.7"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(lines(ran.err), 1);
  EXPECT_THAT(ran.err, HasSubstr("no socket " + absent));
  EXPECT_THAT(ran.err, HasSubstr("systemctl start tidegated"));
}

TEST(Run, ASocketWithoutListenerExits3) {
  const FakeAgent agent;
  const std::string path = agent.directory() / "stale.sock";
  {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  Runner run;
  const Ran ran = run({"status", "--socket", path});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_THAT(ran.err, HasSubstr("nobody listens on " + path));
}

TEST(Run, ASocketThatMayNotBeUsedExits4) {
  FakeAgent agent;
  Runner run{agent.socket()};
  ASSERT_EQ(::chmod(agent.socket().c_str(), 0), 0);
  const bool root = geteuid() == 0;
  if (root) {
    ASSERT_EQ(::chmod(agent.directory().c_str(), 0755), 0);
    ASSERT_EQ(seteuid(65534), 0);
  }
  const Ran ran = run({"status"});
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  EXPECT_EQ(ran.exit, 4);
  EXPECT_EQ(lines(ran.err), 1);
  EXPECT_THAT(ran.err, HasSubstr("not allowed to use the agent's socket " + agent.socket()));
}

TEST(Run, WhatTheAgentForbidsExits4AndWhatItRefusesExits1) {
  FakeAgent agent;
  Runner run{agent.socket()};
  agent.status.get.status = {grpc::StatusCode::PERMISSION_DENIED, "uid 1000 may not read the status"};
  const Ran forbidden = run({"status"});
  EXPECT_EQ(forbidden.exit, 4);
  EXPECT_EQ(forbidden.err, "tidegate: uid 1000 may not read the status\n");
  agent.status.get.status = {grpc::StatusCode::FAILED_PRECONDITION, "not now"};
  EXPECT_EQ(run({"status"}).exit, 1);
  agent.status.get.status = {grpc::StatusCode::UNAVAILABLE, "the datapath is being loaded"};
  const Ran unavailable = run({"status"});
  EXPECT_EQ(unavailable.exit, 1) << "the agent is there: it said so itself";
  EXPECT_EQ(unavailable.err, "tidegate: the datapath is being loaded\n");
}

TEST(Run, AgentMessagesCannotDriveTheTerminal) {
  FakeAgent agent;
  Runner run{agent.socket()};
  run.terminal = true;
  agent.status.get.status = {grpc::StatusCode::INVALID_ARGUMENT, "bad \x1b]0;owned\x07 line\nsecond"};
  const Ran ran = run({"status"});
  EXPECT_EQ(ran.err, "tidegate: bad \\x1b]0;owned\\x07 line\\nsecond\n");
}

TEST(Run, ASocketPathThatIsTooLongIsNamed) {
  Runner run;
  const Ran ran = run({"--socket", "/" + std::string(200, 'x'), "status"});
  EXPECT_EQ(ran.exit, 2) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("1 to 107 bytes"));
}

TEST(Run, GlobalOptionsAreUnderstoodBehindTheCommandToo) {
  FakeAgent agent;
  Runner run;
  const Ran ran = run({"decisions", "list", "-o", "json", "--socket", agent.socket()});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "[]\n");
}

}  // namespace
}  // namespace tidegate::cli::test
