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
  EXPECT_EQ(settings.keys.socket->path, "/run/tidegate/keys.sock");
  EXPECT_EQ(settings.keys.socket->group, "tidegate-keys");
  EXPECT_THAT(settings.keys.fifos, IsEmpty());
  EXPECT_EQ(settings.inspect.cores, 1U);
  EXPECT_EQ(settings.inspect.memory, 256'000'000U);
  EXPECT_EQ(settings.inspect.sample, 1.0);
}

TEST(Settings, TheExampleReadsClean) {
  const ParsedSettings parsed = read_settings(test_data("example-settings.yaml"));
  EXPECT_EQ(issues_of(parsed.issues), "");
  EXPECT_EQ(parsed.settings.keys.socket->group, "tidegate-keys");
  EXPECT_EQ(parsed.settings.inspect.memory, 256'000'000U);
}

TEST(Settings, ThePackagedFileReadsClean) {
  const ParsedSettings parsed = read_settings(test_data("../../packaging/tidegate.yaml"));
  EXPECT_EQ(issues_of(parsed.issues), "");
}

TEST(Settings, ExportsAreAListOfAbsoluteFiles) {
  const ParsedSettings parsed = read_settings("exports: [{ecs_file: /a.jsonl}, {ecs_file: /b.jsonl}]\n");
  EXPECT_EQ(issues_of(parsed.issues), "");
  EXPECT_THAT(parsed.settings.exports.ecs_files, ElementsAre("/a.jsonl", "/b.jsonl"));
  EXPECT_THAT(settings_issues("exports: [{ecs_file: a.jsonl}]\n"),
              HasSubstr("1:22: exports: ecs_file: 'a.jsonl' is not"));
  EXPECT_THAT(settings_issues("exports: [{ecs_file: /a}, {ecs_file: /a}]\n"), HasSubstr("/a is there twice"));
  EXPECT_THAT(settings_issues("exports: [{}]\n"), HasSubstr("ecs_file"));
  EXPECT_THAT(settings_issues("exports: [{ecs_file: /a, kafka: b}]\n"), HasSubstr("kafka"));
  std::string many = "exports: [";
  for (int i = 0; i < 9; ++i) many += "{ecs_file: /" + std::to_string(i) + "},";
  EXPECT_THAT(settings_issues(many + "]\n"), HasSubstr("more than 8"));
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

TEST(Settings, KeySourcesAndInspectionAreTaken) {
  const ParsedSettings parsed = read_settings(
      "keys:\n  socket: {path: /k.sock, group: web}\n  fifos: [/f1, /f2]\n  files: [/keys.log]\n"
      "  haproxy_log: [/h.sock]\ninspect: {cores: 2, memory: 64MB, sample: 0.5}\n");
  EXPECT_EQ(issues_of(parsed.issues), "");
  const KeySettings& keys = parsed.settings.keys;
  EXPECT_EQ(keys.socket->path, "/k.sock");
  EXPECT_EQ(keys.socket->group, "web");
  EXPECT_THAT(keys.fifos, ElementsAre("/f1", "/f2"));
  EXPECT_THAT(keys.files, ElementsAre("/keys.log"));
  EXPECT_THAT(keys.haproxy_log, ElementsAre("/h.sock"));
  EXPECT_EQ(parsed.settings.inspect.cores, 2U);
  EXPECT_EQ(parsed.settings.inspect.memory, 64'000'000U);
  EXPECT_EQ(parsed.settings.inspect.sample, 0.5);
}

TEST(Settings, TheKeySocketCanBeOff) {
  EXPECT_FALSE(read_settings("keys: {socket: off}").settings.keys.socket);
  EXPECT_EQ(settings_issues("keys: {socket: off, fifos: [/f]}"), "");
}

TEST(Settings, InspectionIsChecked) {
  EXPECT_THAT(settings_issues("inspect: {memory: 1MB}"), HasSubstr("1:19: inspect: memory: 1MB is not from 32MB to"));
  EXPECT_THAT(settings_issues("inspect: {cores: 0}"), HasSubstr("1:18: inspect: cores: '0' is not a whole number"));
  EXPECT_THAT(settings_issues("keys: {fifos: [/a], files: [/a]}"), HasSubstr("1:29: keys: files: /a is there twice"));
  EXPECT_THAT(settings_issues("keys: {haproxy_log: [/" + std::string(107, 's') + "]}"),
              HasSubstr("keys: haproxy_log is longer than the 107 bytes"));
  EXPECT_THAT(settings_issues("keys: {sokcet: {path: /x}}"), HasSubstr("did you mean 'socket'?"));
  EXPECT_THAT(settings_issues("keys: {fifos: [x]}"), HasSubstr("keys: fifos: 'x' is not an absolute path"));
  EXPECT_THAT(settings_issues("keys: {socket: {group: g}}"), HasSubstr("keys: socket has no 'path'"));
  EXPECT_THAT(settings_issues("inspect: {sample: 2}"), HasSubstr("is not a number from 0 to 1"));
  EXPECT_THAT(settings_issues("inspect: {memory: 256}"), HasSubstr("is not a size"));
}

}  // namespace
}  // namespace tidegate::config
