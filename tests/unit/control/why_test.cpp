// SPDX-License-Identifier: Apache-2.0
#include "agent/control/why.hpp"

#include "tests/unit/control/fixture.hpp"

namespace tidegate::control {
namespace {

class WhyTest : public testing::ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    apply_first();
  }
  WhyReport why(const std::string& address) {
    auto report = controllers_->why.explain(address);
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : WhyReport{};
  }
  static const WhyMatch* find(const WhyReport& report, const std::string& kind) {
    for (const auto& match : report.matches) {
      if (match.kind == kind) return &match;
    }
    return nullptr;
  }
  void sample(std::uint32_t v4, unsigned service, unsigned reason, bool dropped, std::uint64_t packets) {
    tg_event event{};
    event.time = static_cast<std::uint64_t>(clock_.monotonic().count());
    event.source = {0, TG_V4_MAPPED | v4};
    event.service = static_cast<std::uint16_t>(service);
    event.reason = static_cast<std::uint16_t>(reason);
    event.flags = dropped ? TG_EVENT_DROPPED : 0;
    event.weight_packets = packets;
    event.weight_bytes = packets * 100;
    telemetry_->ingest(event);
  }
};

TEST_F(WhyTest, UnknownAddressPasses) {
  const auto report = why("203.0.113.9");
  EXPECT_EQ(report.verdict, "pass");
  EXPECT_EQ(report.summary, "nothing would drop this");
  EXPECT_TRUE(report.matches.empty());
}

TEST_F(WhyTest, NotAnAddress) {
  EXPECT_EQ(controllers_->why.explain("nonsense").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(WhyTest, BlockWithEvidenceExpiryAndUndo) {
  auto wanted = targets({"203.0.113.9"});
  wanted.reason = "flood";
  wanted.duration = std::chrono::hours(1);
  ASSERT_TRUE(controllers_->decisions.block(wanted));
  sample(0xcb007109, TG_SERVICE_NONE, TG_REASON_BLOCKED_ADDRESS, true, 500);
  const auto report = why("203.0.113.9");
  EXPECT_EQ(report.verdict, "drop");
  const auto* block = find(report, "block");
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(block->origin, "operator");
  EXPECT_EQ(block->reason, "flood");
  EXPECT_NE(block->evidence.find("uid:0"), std::string::npos);
  EXPECT_EQ(block->expires, clock_.wall() + std::chrono::hours(1));
  EXPECT_EQ(block->undo, "tidegate unblock 203.0.113.9");
  EXPECT_EQ(block->packets, 500U);
  EXPECT_EQ(block->bytes, 50000U);
}

TEST_F(WhyTest, EveryCoveringDecisionOfEveryOrigin) {
  ASSERT_TRUE(controllers_->decisions.block(targets({"203.0.113.0/24"})));
  std::vector<decisions::NewDecision> feed(1);
  feed[0].target = *Prefix::parse("203.0.113.9");
  feed[0].origin = "feed:test";
  const auto put = decisions_->put(feed);
  const auto report = why("203.0.113.9");
  ASSERT_EQ(report.matches.size(), 2U);
  EXPECT_EQ(report.matches[0].undo, "tidegate decisions delete " + std::to_string(put->front().id));
  EXPECT_EQ(report.matches[1].target, "203.0.113.0/24");
}

TEST_F(WhyTest, ExpiredDecisionDoesNotCount) {
  auto wanted = targets({"203.0.113.9"});
  wanted.duration = std::chrono::minutes(1);
  ASSERT_TRUE(controllers_->decisions.block(wanted));
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(why("203.0.113.9").verdict, "pass");
}

TEST_F(WhyTest, Limit) {
  ASSERT_TRUE(
      controllers_->decisions.limit(targets({"203.0.113.9"}), {Rate{5, std::chrono::seconds(1)}, std::nullopt}));
  const auto report = why("203.0.113.9");
  EXPECT_EQ(report.verdict, "limit");
  EXPECT_NE(find(report, "limit")->evidence.find("5/s"), std::string::npos);
}

TEST_F(WhyTest, SafelistedWinsOverAForcedBlock) {
  auto forced = targets({"192.0.2.10"});
  forced.force = true;
  ASSERT_TRUE(controllers_->decisions.block(forced));
  const auto report = why("192.0.2.10");
  EXPECT_EQ(report.verdict, "safelisted");
  EXPECT_EQ(find(report, "safelist")->origin, "policy");
  EXPECT_NE(find(report, "block")->evidence.find("forced"), std::string::npos);
}

TEST_F(WhyTest, TrustedProxy) {
  const auto report = why("198.51.100.7");
  EXPECT_EQ(report.verdict, "pass");
  EXPECT_EQ(find(report, "proxy")->target, "198.51.100.0/24");
}

TEST_F(WhyTest, BucketOverItsLimit) {
  const auto now = static_cast<std::uint64_t>(clock_.monotonic().count());
  kernel::BucketState bucket{datapath_.slots().at("api"), {}};
  bucket.tats.packets = now + 1'000'000;  // 1 ms of the 2 s that a burst of 4000 at 2000/s allows
  datapath_.bucket_list = {bucket};
  auto report = why("203.0.113.9");
  EXPECT_EQ(report.verdict, "pass");
  ASSERT_NE(find(report, "bucket"), nullptr);
  EXPECT_NE(find(report, "bucket")->evidence.find("packets 1.0 ms of 2000.0 ms"), std::string::npos)
      << find(report, "bucket")->evidence;
  datapath_.bucket_list[0].tats.packets = now + 2'000'000'000;
  report = why("203.0.113.9");
  EXPECT_EQ(report.verdict, "limit");
  EXPECT_NE(find(report, "bucket")->reason.find("over its limit now"), std::string::npos);
}

TEST_F(WhyTest, EstimatedCountersOfAService) {
  sample(0xcb007109, datapath_.slots().at("api"), TG_REASON_PACKET_LIMIT, true, 10000);
  const auto report = why("203.0.113.9");
  EXPECT_EQ(report.verdict, "limit");
  const auto* service = find(report, "service");
  ASSERT_NE(service, nullptr);
  EXPECT_EQ(service->reason, "packet_limit");
  EXPECT_EQ(service->packets, 10000U);
  EXPECT_NE(service->undo.find("services.api.limits"), std::string::npos);
}

TEST_F(WhyTest, Proven) {
  datapath_.proven.insert(*Address::parse("203.0.113.9"));
  EXPECT_NE(find(why("203.0.113.9"), "proven"), nullptr);
}

TEST_F(WhyTest, DetachedAndDryRunDropNothing) {
  ASSERT_TRUE(controllers_->decisions.block(targets({"203.0.113.9"})));
  ASSERT_TRUE(controllers_->attach.detach("eth0", "uid:0"));
  auto report = why("203.0.113.9");
  EXPECT_EQ(report.verdict, "pass");
  EXPECT_EQ(find(report, "interface")->undo, "tidegate attach --interface eth0");
  EXPECT_NE(find(report, "block"), nullptr);
  ASSERT_TRUE(controllers_->attach.attach("eth0", "uid:0"));
  ASSERT_TRUE(controllers_->policy.apply(request("version: 1\ninterfaces: [{name: eth0}]\nenforce: false\n")));
  report = why("203.0.113.9");
  EXPECT_EQ(report.verdict, "pass");
  EXPECT_NE(report.summary.find("dry-run"), std::string::npos);
}

// What is dropped before a service is found for it is dropped all the same.
struct Unserved {
  const char* name;
  unsigned service;
  unsigned reason;
  const char* undo;
};
class WhyUnserved : public WhyTest, public ::testing::WithParamInterface<Unserved> {};

TEST_P(WhyUnserved, IsNamedWithItsWayOut) {
  sample(0xcb007109, GetParam().service, GetParam().reason, true, 10000);
  const auto report = why("203.0.113.9");
  EXPECT_EQ(report.verdict, "limit");
  EXPECT_NE(report.summary.find(telemetry::reason_name(GetParam().reason)), std::string::npos) << report.summary;
  ASSERT_NE(find(report, "service"), nullptr);
  EXPECT_NE(find(report, "service")->undo.find(GetParam().undo), std::string::npos) << find(report, "service")->undo;
}
INSTANTIATE_TEST_SUITE_P(Reasons, WhyUnserved,
                         ::testing::Values(Unserved{"malformed", TG_SERVICE_NONE, TG_REASON_MALFORMED_TCP,
                                                    "malformed:"},
                                           Unserved{"fragment", TG_SERVICE_NONE, TG_REASON_FRAGMENT, "fragments:"},
                                           Unserved{"replies", TG_SERVICE_REPLIES, TG_REASON_REPLY_LIMIT, "replies:"},
                                           Unserved{"icmp", TG_SERVICE_NONE, TG_REASON_ICMP_ERROR_LIMIT, ""}),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_F(WhyTest, ASafelistEntryOfOneInterfaceSparesOnlyThere) {
  decisions::NewSafelistEntry bound;
  bound.prefix = *Prefix::parse("203.0.113.9");
  bound.interface = "eth1";
  ASSERT_TRUE(controllers_->safelist.add({bound}));
  auto report = why("203.0.113.9");
  EXPECT_EQ(report.verdict, "safelisted");
  EXPECT_NE(report.summary.find("on eth1 only"), std::string::npos) << report.summary;
  auto forced = targets({"203.0.113.9"});
  forced.force = true;
  ASSERT_TRUE(controllers_->decisions.block(forced));
  report = why("203.0.113.9");
  EXPECT_EQ(report.verdict, "drop");
  EXPECT_NE(report.summary.find("it is safelisted on eth1 only"), std::string::npos) << report.summary;
}

}  // namespace
}  // namespace tidegate::control
