// SPDX-License-Identifier: Apache-2.0
#include "agent/config/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/issues.hpp"

namespace tidegate::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string settings_issues(const std::string& text) { return issues_of(read_settings(text).issues); }

TEST(Settings, AnEmptyFileIsTheDefaults) {
  const ParsedSettings parsed = read_settings("");
  EXPECT_TRUE(parsed.valid());
  EXPECT_THAT(parsed.issues, IsEmpty());
  const Settings& settings = parsed.settings;
  EXPECT_EQ(settings.policy, "/etc/tidegate/policy.yaml");
  EXPECT_EQ(settings.socket, "/run/tidegate/tidegate.sock");
  EXPECT_EQ(settings.state_dir, "/var/lib/tidegate");
  EXPECT_EQ(settings.pin_dir, "/sys/fs/bpf/tidegate");
  EXPECT_EQ(settings.metrics->to_string(), "127.0.0.1:9464");
  EXPECT_EQ(settings.log.level, LogLevel::kInfo);
  EXPECT_EQ(settings.log.to, LogTarget::kJournal);
  EXPECT_EQ(settings.tables.buckets, 65536U);
  EXPECT_EQ(settings.tables.blocks, 1'048'576U);
}

TEST(Settings, TheExampleReadsCleanAndListsWhatIsNotEnforced) {
  const ParsedSettings parsed = read_settings(test_data("example-settings.yaml"));
  EXPECT_EQ(issues_of(parsed.issues), "");
  EXPECT_THAT(parsed.settings.not_enforced, ElementsAre("keys", "inspect"));
}

TEST(Settings, ThePackagedFileReadsClean) {
  const ParsedSettings parsed = read_settings(test_data("../../packaging/tidegate.yaml"));
  EXPECT_EQ(issues_of(parsed.issues), "");
  EXPECT_THAT(parsed.settings.not_enforced, IsEmpty());
}

TEST(Settings, EveryValueIsTaken) {
  const ParsedSettings parsed = read_settings(
      "policy: /p.yaml\nsocket: /s.sock\nstate_dir: /state\npin_dir: /sys/fs/bpf/x\nmetrics: '[::1]:0'\n"
      "log: {level: debug, to: /var/log/tidegate.log}\ntables: {buckets: 1024, blocks: 2048}\n");
  EXPECT_EQ(issues_of(parsed.issues), "");
  const Settings& settings = parsed.settings;
  EXPECT_EQ(settings.policy, "/p.yaml");
  EXPECT_EQ(settings.socket, "/s.sock");
  EXPECT_EQ(settings.state_dir, "/state");
  EXPECT_EQ(settings.pin_dir, "/sys/fs/bpf/x");
  EXPECT_EQ(settings.metrics->host, "::1");
  EXPECT_EQ(settings.metrics->port, 0);
  EXPECT_EQ(settings.metrics->to_string(), "[::1]:0");
  EXPECT_EQ(settings.log.level, LogLevel::kDebug);
  EXPECT_EQ(settings.log.to, LogTarget::kFile);
  EXPECT_EQ(settings.log.file, "/var/log/tidegate.log");
  EXPECT_EQ(settings.tables.buckets, 1024U);
  EXPECT_EQ(settings.tables.blocks, 2048U);
}

TEST(Settings, MetricsCanBeOff) {
  EXPECT_FALSE(read_settings("metrics: off").settings.metrics);
  EXPECT_EQ(read_settings("metrics: localhost:1").settings.metrics->to_string(), "127.0.0.1:1");
}

TEST(Settings, MetricsBeyondLoopbackAreWarnedOf) {
  const ParsedSettings parsed = read_settings("metrics: 192.0.2.1:9464");
  EXPECT_TRUE(parsed.valid());
  EXPECT_THAT(issues_of(parsed.issues), HasSubstr("1:10: warning: metrics: 192.0.2.1 is not loopback"));
}

TEST(Settings, WrongValuesAreErrorsAtTheirPlace) {
  for (const char* text : {"metrics: 9464", "metrics: '127.0.0.1:'", "metrics: '::1:9464'", "metrics: 127.0.0.1:65536",
                           "metrics: '[127.0.0.1]:1'", "metrics: host.example:1", "metrics: '127.0.0.1:1x'"}) {
    EXPECT_THAT(settings_issues(text), HasSubstr("is neither an address and port")) << text;
  }
  EXPECT_THAT(settings_issues("state_dir: var/lib"), HasSubstr("1:12: state_dir: 'var/lib' is not an absolute path"));
  EXPECT_THAT(settings_issues("socket: /" + std::string(107, 's')),
              HasSubstr("1:9: socket is longer than the 107 bytes"));
  EXPECT_THAT(settings_issues("log: {level: verbose}"), HasSubstr("unknown 'verbose'; known are trace"));
  EXPECT_THAT(settings_issues("log: {to: syslog}"), HasSubstr("neither journal, stderr nor an absolute path"));
  EXPECT_THAT(settings_issues("tables: {buckets: 0}"), HasSubstr("'0' is not a whole number from 512 to 4194304"));
  EXPECT_THAT(settings_issues("tables: {blocks: 1e6}"), HasSubstr("1:18: tables: blocks: '1e6'"));
  EXPECT_THAT(settings_issues("sockt: /x"),
              HasSubstr("1:1: unknown key 'sockt' in the settings; did you mean 'socket'?"));
  EXPECT_THAT(settings_issues("- a"), HasSubstr("has to be a map"));
}

TEST(Settings, SectionsOfLaterWorkAreChecked) {
  EXPECT_THAT(settings_issues("keys: {sokcet: {path: /x}}"), HasSubstr("did you mean 'socket'?"));
  EXPECT_THAT(settings_issues("keys: {fifos: [x]}"), HasSubstr("keys: fifos: 'x' is not an absolute path"));
  EXPECT_THAT(settings_issues("keys: {socket: {group: g}}"), HasSubstr("keys: socket has no 'path'"));
  EXPECT_THAT(settings_issues("inspect: {sample: 2}"), HasSubstr("is not a number from 0 to 1"));
  EXPECT_THAT(settings_issues("inspect: {memory: 256}"), HasSubstr("is not a size"));
}

}  // namespace
}  // namespace tidegate::config
