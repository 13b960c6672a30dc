// SPDX-License-Identifier: Apache-2.0
#include "agent/export/ecs.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <nlohmann/json.hpp>
#include <set>

#include "bpf/abi/reasons.h"

namespace tidegate::exports {
namespace {

using Json = nlohmann::json;
using telemetry::DecisionDetail;
using telemetry::Event;
using telemetry::EventKind;
using telemetry::RuleFinding;
using Change = DecisionDetail::Change;

constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}};

Address address(const char* text) { return Address::parse(text).value(); }
Prefix prefix(const char* text) { return Prefix::parse(text).value(); }
Json list(const char* one) { return Json::array({one}); }

RuleFinding finding(const std::string& outcome) {
  RuleFinding found;
  found.rule = "guess";
  found.outcome = outcome;
  found.service = "web";
  found.client = {address("203.0.113.7"), 40000};
  found.server = {address("192.0.2.1"), 443};
  found.source = prefix("203.0.113.7");
  found.time = kNow;
  found.lasts = std::chrono::minutes(20);
  found.repetition = 2;
  found.observed = found.threshold = 3;
  found.window = std::chrono::minutes(1);
  found.examples = {{"/users/{}", kNow - std::chrono::seconds(2)}};
  return found;
}

DecisionDetail block(Change change, std::optional<RuleFinding> found = std::nullopt) {
  DecisionDetail detail;
  detail.change = change;
  detail.id = 12;
  detail.action = "block";
  detail.target = prefix("203.0.113.7");
  detail.origin = found ? "rule:guess" : "operator";
  detail.actor = found ? "rule:guess" : "uid:0";
  detail.reason = "because";
  detail.created = kNow;
  detail.expires = kNow + std::chrono::minutes(20);
  detail.finding = std::move(found);
  return detail;
}

// The document of an event, which has to be as ECS says of every one.
Json ecs(const DecisionDetail& detail, EventKind kind = EventKind::kDecision) {
  Event event;
  event.time = kNow;
  event.kind = kind;
  event.message = "said\nto a person";
  event.decision = std::make_shared<const DecisionDetail>(detail);
  const std::string line = to_ecs(event, {.hostname = "edge-1", .version = "0.1.0"});
  EXPECT_EQ(line.find_first_of("\n\r\x1b"), std::string::npos);
  const Json root = Json::parse(line);
  EXPECT_EQ(root["@timestamp"], "2030-01-01T00:00:00.000Z");
  EXPECT_EQ(root["ecs"]["version"], "8.11.0");
  EXPECT_EQ(root["message"], "said\nto a person");
  EXPECT_EQ(root["observer"]["hostname"], "edge-1");
  const std::set<std::string> categories{"intrusion_detection", "network", "configuration", "host"};
  const std::set<std::string> types{"allowed", "denied", "info", "creation", "deletion", "change"};
  for (const auto& category : root["event"]["category"]) EXPECT_TRUE(categories.contains(category)) << category;
  for (const auto& type : root["event"]["type"]) EXPECT_TRUE(types.contains(type)) << type;
  return root;
}

TEST(Ecs, ADecisionOfARuleHasItsEvidence) {
  const Json root = ecs(block(Change::kMade, finding("enforced")));
  const Json& event = root["event"];
  EXPECT_EQ(event["kind"], "alert");
  EXPECT_EQ(event["category"], Json::array({"intrusion_detection", "network"}));
  EXPECT_EQ(event["type"], list("denied"));
  EXPECT_EQ(event["action"], "block");
  EXPECT_EQ(event["outcome"], "success");
  EXPECT_EQ(event["reason"], "because");
  EXPECT_EQ(event["start"], "2030-01-01T00:00:00.000Z");
  EXPECT_EQ(event["end"], "2030-01-01T00:20:00.000Z");
  EXPECT_EQ(event["duration"], 1'200'000'000'000);
  EXPECT_EQ(root["rule"]["name"], "guess");
  EXPECT_EQ(root["source"], (Json{{"address", "203.0.113.7"}, {"ip", "203.0.113.7"}, {"port", 40000}}));
  EXPECT_EQ(root["destination"]["ip"], "192.0.2.1");
  EXPECT_EQ(root["network"]["type"], "ipv4");
  EXPECT_EQ(root["service"]["name"], "web");
  EXPECT_EQ(root["related"]["ip"], Json::array({"192.0.2.1", "203.0.113.7"}));
  const Json& own = root["tidegate"];
  EXPECT_EQ(own["enforced"], true);
  EXPECT_EQ(own["exported"], false);
  EXPECT_EQ(own["decision_id"], 12);
  EXPECT_EQ(own["repetition"], 2);
  EXPECT_EQ(own["evidence"]["observed"], 3.0);
  EXPECT_EQ(own["evidence"]["window_seconds"], 60);
  EXPECT_EQ(own["evidence"]["examples"][0],
            (Json{{"path_template", "/users/{}"}, {"time", "2029-12-31T23:59:58.000Z"}}));
  EXPECT_FALSE(root.contains("url")) << "templates, never paths";
}

TEST(Ecs, BehindAProxyTheClientThatItNamedIsTheSource) {
  DecisionDetail detail = block(Change::kReported, finding("trusted_proxy"));
  detail.created.reset();
  detail.expires.reset();
  detail.finding->client = {address("198.51.100.1"), 50000};
  detail.finding->named = address("2001:db8::7");
  detail.target = detail.finding->source = prefix("2001:db8::/64");
  const Json root = ecs(detail);
  EXPECT_EQ(root["source"], (Json{{"address", "2001:db8::/64"}, {"ip", "2001:db8::7"}}));
  EXPECT_EQ(root["event"]["type"], list("allowed"));
  EXPECT_EQ(root["event"]["outcome"], "unknown");
  EXPECT_EQ(root["event"]["duration"], 1'200'000'000'000) << "for how long whoever can should block it";
  EXPECT_EQ(root["tidegate"]["exported"], true);
  EXPECT_EQ(root["tidegate"]["enforced"], false);
  EXPECT_EQ(root["tidegate"]["outcome"], "trusted_proxy");
  EXPECT_EQ(root["tidegate"]["proxy"], "198.51.100.1");
}

TEST(Ecs, WhatWasNotEnforcedSaysWhy) {
  for (const auto& [outcome, expected] :
       {std::pair("nat_guard", "failure"), std::pair("shadow", "unknown"), std::pair("monitor", "success")}) {
    const Json root = ecs(block(Change::kReported, finding(outcome)));
    EXPECT_EQ(root["event"]["outcome"], expected) << outcome;
    EXPECT_EQ(root["event"]["type"], list("allowed"));
    EXPECT_EQ(root["tidegate"]["outcome"], outcome);
    EXPECT_EQ(root["tidegate"]["enforced"], false);
  }
  EXPECT_EQ(ecs(block(Change::kRefused, finding("refused")), EventKind::kWarning)["event"]["outcome"], "failure");
}

TEST(Ecs, OperatorsExpiriesImportsAndAlarms) {
  const Json made = ecs(block(Change::kMade));
  EXPECT_EQ(made["event"]["kind"], "event");
  EXPECT_EQ(made["event"]["type"], list("creation"));
  EXPECT_EQ(made["tidegate"]["actor"], "uid:0");
  EXPECT_FALSE(made.contains("rule"));
  EXPECT_EQ(ecs(block(Change::kExpired))["event"]["action"], "block-expired");
  EXPECT_EQ(ecs(block(Change::kRemoved))["event"]["type"], list("deletion"));
  DecisionDetail imported;
  imported.change = Change::kImported;
  imported.count = 1'000'000;
  EXPECT_EQ(ecs(imported)["tidegate"]["count"], 1'000'000);
  EXPECT_FALSE(ecs(imported).contains("source"));
  DecisionDetail alarm;
  alarm.change = Change::kAlarm;
  alarm.finding = RuleFinding{};
  alarm.finding->rule = "wild";
  const Json said = ecs(alarm, EventKind::kWarning);
  EXPECT_EQ(said["event"]["type"], list("info"));
  EXPECT_EQ(said["event"]["action"], "decision-alarm");
  EXPECT_EQ(said["rule"]["name"], "wild");
}

TEST(Ecs, ALimitSaysItsRatesAndANetworkHasNoSingleAddress) {
  DecisionDetail detail = block(Change::kMade);
  detail.action = "limit";
  detail.target = prefix("203.0.113.0/24");
  detail.packets = "5/s";
  detail.expires.reset();
  const Json root = ecs(detail);
  EXPECT_EQ(root["source"], (Json{{"address", "203.0.113.0/24"}}));
  EXPECT_EQ(root["tidegate"]["limit"]["packets"], "5/s");
  EXPECT_FALSE(root["event"].contains("end"));
}

TEST(Ecs, WhateverAPeerChoseItIsOneLineOfUtf8) {
  DecisionDetail detail = block(Change::kMade, finding("enforced"));
  detail.finding->examples = {{"/\n\x1b[2J\xff\xfe\"}{", kNow}};
  detail.finding->ja4 = "\x80";
  detail.reason = std::string("a\0b", 3);
  const Json root = ecs(detail);
  const std::string shown = root["tidegate"]["evidence"]["examples"][0]["path_template"];
  EXPECT_NE(shown.find("\x1b[2J"), std::string::npos) << "escaped, not lost";
}

TEST(Ecs, SampledPacketsAndOtherActs) {
  Event drop;
  drop.time = kNow;
  drop.kind = EventKind::kDrop;
  drop.source = address("203.0.113.7");
  drop.destination = address("192.0.2.1");
  drop.protocol = IPPROTO_TCP;
  drop.reason = TG_REASON_PACKET_LIMIT;
  drop.packets = 64;
  Json root = Json::parse(to_ecs(drop, {}, "eth0"));
  EXPECT_EQ(root["event"]["type"], list("denied"));
  EXPECT_EQ(root["event"]["reason"], "packet_limit");
  EXPECT_EQ(root["event"]["dataset"], "tidegate.packet");
  EXPECT_EQ(root["network"]["packets"], 64);
  EXPECT_EQ(root["observer"]["ingress"]["interface"]["name"], "eth0");
  drop.dry_run = true;
  EXPECT_EQ(Json::parse(to_ecs(drop, {}))["event"]["type"], list("allowed"));
  Event warning;
  warning.message = "the disk is full";
  EXPECT_EQ(Json::parse(to_ecs(warning, {}))["log"]["level"], "warning");
  Event policy;
  policy.kind = EventKind::kPolicy;
  EXPECT_EQ(Json::parse(to_ecs(policy, {}))["event"]["category"], list("configuration"));
}

}  // namespace
}  // namespace tidegate::exports
