// SPDX-License-Identifier: Apache-2.0
#include "agent/export/sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

namespace tidegate::exports {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "tg-export-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::vector<std::string> lines(const std::string& name) {
    std::ifstream in(directory_ / name);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }

  std::filesystem::path directory_;
};

TEST_F(SinkTest, LinesAreAppendedAndTheFileIsForNobodyElse) {
  std::ofstream(directory_ / "log") << "before\n";
  LineFile file(directory_ / "log");
  EXPECT_TRUE(file.append("one"));
  EXPECT_TRUE(file.append("two"));
  EXPECT_THAT(lines("log"), ElementsAre("before", "one", "two"));
  const mode_t before = ::umask(0077);
  LineFile fresh(directory_ / "fresh");
  EXPECT_TRUE(fresh.append("one"));
  ::umask(before);
  struct stat facts {};
  ASSERT_EQ(::stat((directory_ / "fresh").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0640U) << "log shippers of the group read it";
}

TEST_F(SinkTest, AFileThatWasRenamedOrRemovedIsMadeAgain) {
  LineFile file(directory_ / "log");
  ASSERT_TRUE(file.append("one"));
  std::filesystem::rename(directory_ / "log", directory_ / "log.1");
  ASSERT_TRUE(file.append("two"));
  EXPECT_THAT(lines("log.1"), ElementsAre("one"));
  EXPECT_THAT(lines("log"), ElementsAre("two"));
  std::filesystem::remove(directory_ / "log");
  ASSERT_TRUE(file.append("three"));
  std::filesystem::resize_file(directory_ / "log", 0);  // copytruncate
  ASSERT_TRUE(file.append("four"));
  EXPECT_THAT(lines("log"), ElementsAre("four"));
}

TEST_F(SinkTest, WhatEndsWithinALineIsEndedFirst) {
  std::ofstream(directory_ / "log") << "{\"half";
  LineFile file(directory_ / "log");
  ASSERT_TRUE(file.append("one"));
  EXPECT_THAT(lines("log"), ElementsAre("{\"half", "one"));
}

// A file may not grow beyond a limit, as on a full disk: a part of the line can be written.
TEST_F(SinkTest, OnAFullDiskNoLineIsHalf) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  LineFile file(directory_ / "log");
  ASSERT_TRUE(file.append("0123456789"));
  const rlimit little{16, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &little), 0);
  const Status done = file.append("abcdefghij");
  const Status again = file.append("abcdefghij");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(done);
  EXPECT_FALSE(again);
  EXPECT_THAT(done.error().message, StartsWith("exports: cannot write " + (directory_ / "log").string()));
  ASSERT_TRUE(file.append("klm"));
  EXPECT_THAT(lines("log"), ElementsAre("0123456789", "klm"));
}

TEST_F(SinkTest, OnlyARegularFileIsWrittenTo) {
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  LineFile fifo(directory_ / "fifo");
  EXPECT_FALSE(fifo.append("one"));
  std::filesystem::create_directory(directory_ / "folder");
  LineFile folder(directory_ / "folder");
  EXPECT_FALSE(folder.append("one"));
  LineFile nowhere(directory_ / "no" / "log");
  const Status done = nowhere.append("one");
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("No such file or directory"));
}

telemetry::Event act(const std::string& message) {
  telemetry::Event event;
  event.kind = telemetry::EventKind::kDecision;
  event.message = message;
  return event;
}

TEST_F(SinkTest, WritesEveryActIntoEveryFile) {
  telemetry::EventLog log;
  {
    Sink sink({directory_ / "a", directory_ / "b"}, {}, log.follow({.acts_only = true}), {});
    for (int i = 0; i < 100; ++i) log.add(act(std::to_string(i)));
    log.close();
    log.add(act("last"));
  }
  EXPECT_EQ(lines("a").size(), 101U);
  EXPECT_EQ(nlohmann::json::parse(lines("b").at(42))["message"], "42");
  EXPECT_EQ(nlohmann::json::parse(lines("b").back())["message"], "last");
}

TEST_F(SinkTest, SaysOnceWhenAFileCannotBeWrittenAndWhenItCanAgain) {
  telemetry::EventLog log;
  std::promise<void> failed;
  std::promise<void> recovered;
  std::vector<std::string> said;
  const auto warn = [&](const std::string& what) {
    said.push_back(what);
    (said.size() == 1 ? failed : recovered).set_value();
  };
  std::filesystem::create_directory(directory_ / "log");
  auto sink =
      std::make_unique<Sink>(std::vector{directory_ / "log"}, Observer{}, log.follow({.acts_only = true}), warn);
  log.add(act("one"));
  failed.get_future().wait();
  EXPECT_THAT(sink->reports().at(0).problem, HasSubstr("cannot write"));
  std::filesystem::remove(directory_ / "log");
  log.add(act("two"));
  recovered.get_future().wait();
  const Report report = sink->reports().at(0);
  sink.reset();
  ASSERT_EQ(said.size(), 2U);
  EXPECT_THAT(said[0], HasSubstr("events are lost, enforcement goes on"));
  EXPECT_THAT(said[1], HasSubstr("can be written again; 1 events were lost"));
  EXPECT_EQ(report.written, 1U);
  EXPECT_EQ(report.lost, 1U);
  EXPECT_EQ(report.problem, "");
}

}  // namespace
}  // namespace tidegate::exports
