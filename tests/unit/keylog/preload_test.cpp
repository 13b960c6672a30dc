// SPDX-License-Identifier: Apache-2.0
// libtidegate-keylog.so in real programs with the real OpenSSL: linked with it, and with it in a module of their own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "tests/harness/key_reader.hpp"
#include "tests/harness/process.hpp"

namespace tidegate::harness {
namespace {

using Lines = std::vector<std::string>;

// What follows each "WORD " in an output, in order.
Lines said(const std::string& output, const std::string& word) {
  Lines found;
  std::istringstream text(output);
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(word + " ")) found.push_back(line.substr(word.size() + 1));
  }
  return found;
}

class KeylogPreload : public testing::TestWithParam<const char*> {
 protected:
  std::string run_program(Lines words, std::map<std::string, std::string> environment = {}) {
    words.insert(words.begin(), GetParam());
    environment.emplace("TIDEGATE_KEYLOG_SOCKET", path_);
    environment.emplace("LD_PRELOAD", KEYLOG_LIBRARY);
    const Finished finished = run(words, {.environment = environment});
    EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
    EXPECT_TRUE(finished.out.ends_with("done\n")) << finished.out;
    EXPECT_EQ(finished.err, "") << "the library says nothing in a foreign program";
    return finished.out;
  }

  TempDir directory_;
  std::string path_ = directory_.path() / "keys.sock";
};
INSTANTIATE_TEST_SUITE_P(, KeylogPreload, testing::Values(KEYLOG_PROGRAM, KEYLOG_HOST), [](const auto& parameter) {
  return parameter.param == std::string(KEYLOG_PROGRAM) ? "Linked" : "InAModule";
});

// The lines that the program reported itself, without those that are of no use.
std::set<std::string> useful(const Lines& own) {
  std::set<std::string> result;
  for (const std::string& line : own) {
    if (!line.starts_with("EXPORTER")) result.insert(line);
  }
  return result;
}

std::set<std::string> without_tails(const Lines& lines) {
  std::set<std::string> result;
  for (const std::string& line : lines) result.insert(line.substr(0, line.find(" tcp ")));
  return result;
}

TEST_P(KeylogPreload, EveryLineOnceWithItsEndpointsAndCipher) {
  const KeyReader reader(path_);
  const std::string output = run_program({"prepare-own", "12", "13"});
  EXPECT_EQ(said(output, "hidden"), Lines{"1"}) << "the application sees its own callback, and only that";
  EXPECT_EQ(said(output, "errno"), Lines{"kept"});
  ASSERT_TRUE(reader.wait_for(5));
  const Lines lines = reader.lines();
  ASSERT_EQ(lines.size(), 5u) << reader.text();
  EXPECT_EQ(without_tails(lines), useful(said(output, "own")));
  const Lines endpoints = said(output, "endpoints");
  EXPECT_TRUE(lines[0].ends_with(" tcp " + endpoints[0] + " 0xC02C")) << lines[0];
  for (int i = 1; i < 5; ++i) {
    const bool described = lines[i].ends_with(" tcp " + endpoints[1] + " 0x1302");
    EXPECT_EQ(described, lines[i].starts_with("SERVER_TRAFFIC_")) << lines[i];
  }
}

TEST_P(KeylogPreload, WorksWithoutACallbackOfTheApplication) {
  const KeyReader reader(path_);
  EXPECT_EQ(said(run_program({"prepare", "13"}), "hidden"), Lines{"1"});
  EXPECT_TRUE(reader.wait_for(4));
  EXPECT_EQ(reader.lines().size(), 4u);
}

TEST_P(KeylogPreload, ClientsOnlyWhenAskedFor) {
  const KeyReader reader(path_);
  run_program({"prepare", "12"}, {{"TIDEGATE_KEYLOG_CLIENTS", "1"}});
  ASSERT_TRUE(reader.wait_for(2));
  EXPECT_EQ(reader.lines()[0], reader.lines()[1]) << "both ends tell the same, client first";
}

TEST_P(KeylogPreload, ConnectionsThatAreNoSockets) {
  const KeyReader reader(path_);
  const std::string output = run_program({"prepare-own", "memory"});
  ASSERT_TRUE(reader.wait_for(4));
  const Lines lines = reader.lines();
  EXPECT_EQ(std::set<std::string>(lines.begin(), lines.end()), useful(said(output, "own")));
}

TEST_P(KeylogPreload, AProcessPerWorker) {
  const KeyReader reader(path_);
  run_program({"prepare", "13", "fork", "fork", "13"});
  EXPECT_TRUE(reader.wait_for(16));
  const auto senders = reader.senders();
  EXPECT_EQ(std::set<pid_t>(senders.begin(), senders.end()).size(), 3u);
}

TEST_P(KeylogPreload, Threads) {
  const KeyReader reader(path_);
  const std::string output = run_program({"prepare-own", "threads"});
  ASSERT_TRUE(reader.wait_for(160));
  EXPECT_EQ(without_tails(reader.lines()), useful(said(output, "own")));
  EXPECT_EQ(reader.senders().size(), 1u);
}

TEST_P(KeylogPreload, AServerThatClosesEveryDescriptorAndUsesTheNumbersAgain) {
  const KeyReader reader(path_);
  const std::string output = run_program({"prepare", "13", "close", "decoys", "memory", "decoys"});
  EXPECT_TRUE(reader.wait_for(8));
  EXPECT_EQ(said(output, "decoy"), (Lines{"-1", "-1"})) << "nothing is ever written to a stranger";
}

TEST_P(KeylogPreload, AProgramThatBecomesAnother) {
  const KeyReader reader(path_);
  run_program({"prepare", "13", "exec", "prepare", "13"});
  EXPECT_TRUE(reader.wait_for(8));
}

TEST_P(KeylogPreload, AChangedRootAndUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "chroot needs root";
  const KeyReader reader(path_, {.mode = 0600});
  const auto root = directory_.path() / "root";
  std::filesystem::create_directory(root);
  run_program({"prepare", "chroot", root, "nobody", "13", "fork"});
  EXPECT_TRUE(reader.wait_for(8)) << "the connection is made before, and kept where no other can be made";
}

// True: nothing came until the loop found nothing ready. A machine that takes 100 ms for them is believed to have
// left its loop.
bool lines_wait(const std::string& program, const TempDir& directory) {
  const std::string path = directory.path() / "keys.sock", at = directory.path() / "at", on = directory.path() / "on";
  const KeyReader reader(path);
  Process process =
      Process::start({program, "prepare", "turn", "13", "turn", "13", "made", at, "wait", on, "idle", "13"},
                     {.environment = {{"TIDEGATE_KEYLOG_SOCKET", path}, {"LD_PRELOAD", KEYLOG_LIBRARY}}});
  for (int i = 0; i < 1000 && !std::filesystem::exists(at); ++i) ::usleep(5000);
  const bool waited = !reader.wait_for(1, std::chrono::milliseconds(20));
  write_file(on, "");
  EXPECT_TRUE(reader.wait_for(12)) << reader.text();
  EXPECT_EQ(process.wait(std::chrono::seconds(10)).value_or(Finished{}).exit_code, 0);
  for (const std::string& file : {path, at, on}) std::filesystem::remove(file);
  return waited;
}

TEST_P(KeylogPreload, HandshakesOfOneTurnOfALoopGoTogether) {
  bool waited = false;
  for (int i = 0; i < 10 && !waited; ++i) waited = lines_wait(GetParam(), directory_);
  EXPECT_TRUE(waited);
}

TEST_P(KeylogPreload, TheLastTurnOfAProcess) {
  const KeyReader reader(path_);
  run_program({"prepare", "turn", "13"});
  EXPECT_TRUE(reader.wait_for(4));
}

TEST_P(KeylogPreload, WaitingIsAsEver) {
  const KeyReader reader(path_);
  run_program({"prepare", "probe", "turn", "13", "probe", "turn", "13", "idle", "probe"});
  EXPECT_TRUE(reader.wait_for(8));
}

TEST_P(KeylogPreload, NobodyListensOrNobodyReads) {
  run_program({"prepare", "12", "13", "fork"});
  KeyReader reader(path_, {.read = false});
  run_program({"prepare", "flood"});
  reader.start_reading();
  EXPECT_TRUE(reader.wait_for(1));
}

TEST_P(KeylogPreload, TheReaderIsReplaced) {
  const std::string gone = directory_.path() / "gone", back = directory_.path() / "back";
  auto reader = std::make_unique<KeyReader>(path_);
  Process program =
      Process::start({GetParam(), "prepare", "13", "made", gone, "wait", back, "13"},
                     {.environment = {{"TIDEGATE_KEYLOG_SOCKET", path_}, {"LD_PRELOAD", KEYLOG_LIBRARY}}});
  EXPECT_TRUE(reader->wait_for(4));
  for (int i = 0; i < 1000 && !std::filesystem::exists(gone); ++i) ::usleep(5000);
  reader = nullptr;
  reader = std::make_unique<KeyReader>(path_);
  write_file(back, "");
  EXPECT_TRUE(reader->wait_for(4));
  EXPECT_EQ(program.wait(std::chrono::seconds(10)).value_or(Finished{}).exit_code, 0);
}

TEST_P(KeylogPreload, SprintfIsAsEver) { run_program({"format"}); }

TEST_P(KeylogPreload, WithoutItNothingChanges) {
  const KeyReader reader(path_);
  const std::string output = run_program({"prepare-own", "13"}, {{"LD_PRELOAD", ""}});
  EXPECT_EQ(said(output, "hidden"), Lines{"1"});
  EXPECT_TRUE(reader.senders().empty());
}

}  // namespace
}  // namespace tidegate::harness
