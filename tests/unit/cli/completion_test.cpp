// SPDX-License-Identifier: Apache-2.0
// The parser, the help texts and the completion scripts agree.
#include "cli/completion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/unit/cli/fake_agent.hpp"
#include "tests/unit/cli/runner.hpp"

namespace tidegate::cli::test {
namespace {

using ::testing::HasSubstr;

// Every command of the contract that this version has.
const std::vector<std::vector<std::string>> kCommands{{"status"},
                                                      {"policy", "check"},
                                                      {"policy", "diff"},
                                                      {"policy", "apply"},
                                                      {"policy", "confirm"},
                                                      {"policy", "rollback"},
                                                      {"policy", "show"},
                                                      {"policy", "history"},
                                                      {"block"},
                                                      {"unblock"},
                                                      {"limit"},
                                                      {"decisions", "list"},
                                                      {"decisions", "import"},
                                                      {"decisions", "export"},
                                                      {"decisions", "delete"},
                                                      {"safelist", "add"},
                                                      {"safelist", "remove"},
                                                      {"safelist", "list"},
                                                      {"safelist", "check"},
                                                      {"why"},
                                                      {"top"},
                                                      {"events"},
                                                      {"replay"},
                                                      {"detach"},
                                                      {"attach"},
                                                      {"support", "dump"},
                                                      {"completion"}};

std::vector<std::string> flags_of(const std::string& help) {
  std::vector<std::string> flags;
  for (std::size_t at = help.find("\n  -"); at != std::string::npos; at = help.find("\n  -", at + 1)) {
    std::size_t from = at + 3;
    const std::size_t end = help.find_first_of(" \n", from);
    while (from < end) {
      const std::size_t comma = std::min(help.find(',', from), end);
      flags.push_back(help.substr(from, comma - from));
      from = comma + 1;
    }
  }
  return flags;
}

TEST(Completion, EveryHelpHasAnExample) {
  Runner run;
  for (std::vector<std::string> words : kCommands) {
    words.push_back("--help");
    const Ran ran = run(words);
    EXPECT_EQ(ran.exit, 0);
    EXPECT_THAT(ran.out, HasSubstr("Example:\n  tidegate ")) << words[0];
  }
}

TEST(Completion, EveryCommandAndFlagIsInBothScripts) {
  Runner run;
  const std::string bash = run({"completion", "bash"}).out;
  const std::string zsh = run({"completion", "zsh"}).out;
  for (const std::vector<std::string>& command : kCommands) {
    std::vector<std::string> words = command;
    words.push_back("--help");
    const std::vector<std::string> flags = flags_of(run(words).out);
    ASSERT_FALSE(flags.empty());
    std::string path;
    for (const std::string& word : command) path += (path.empty() ? "" : " ") + word;
    const std::size_t from = bash.find("'" + path + "') words='");
    ASSERT_NE(from, std::string::npos) << path;
    const std::string line = bash.substr(from, bash.find('\n', from) - from) + " ";
    EXPECT_THAT(zsh, HasSubstr("'" + command.back() + ":"));
    for (const std::string& flag : flags) {
      EXPECT_TRUE(line.find(flag + " ") != std::string::npos || line.find(flag + "'") != std::string::npos)
          << path << " " << flag;
      EXPECT_THAT(zsh, HasSubstr("'" + flag + "[")) << path;
    }
  }
}

TEST(Completion, BashCompletesCommandsFlagsAndValues) {
  FakeAgent agent;  // for its directory
  Runner run;
  const std::string script = agent.directory() / "completion";
  std::ofstream(script) << run({"completion", "bash"}).out;
  const auto complete = [&](const std::string& words) {
    const std::string out = agent.directory() / "out";
    const std::string command = "bash -c '. " + script + "; COMP_WORDS=(" + words +
                                "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _tidegate; echo ${COMPREPLY[*]}' > " + out;
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::ifstream in(out);
    std::string line;
    std::getline(in, line);
    return line;
  };
  EXPECT_EQ(complete("tidegate saf"), "safelist");
  EXPECT_EQ(complete("tidegate policy ro"), "rollback");
  EXPECT_EQ(complete("tidegate policy apply --conf"), "--confirm");
  EXPECT_EQ(complete("tidegate -o json top --by s"), "source service");
  EXPECT_EQ(complete("tidegate --output y"), "yaml");
  EXPECT_EQ(complete("tidegate completion z"), "zsh");
}

}  // namespace
}  // namespace tidegate::cli::test
