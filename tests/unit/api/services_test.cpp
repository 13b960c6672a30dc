// SPDX-License-Identifier: Apache-2.0
// The services as a client meets them: over the socket, on controllers with a fake datapath.
#include "agent/api/services.hpp"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <thread>

#include "tests/unit/api/health.hpp"
#include "tests/unit/control/fixture.hpp"
#include "tidegate/v1/decisions.grpc.pb.h"
#include "tidegate/v1/keys.grpc.pb.h"
#include "tidegate/v1/policy.grpc.pb.h"
#include "tidegate/v1/status.grpc.pb.h"

namespace tidegate::api {
namespace {

class ServicesTest : public testing::ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    auto listener = Listener::open({.path = directory_ / "agent.sock", .mode = 0660, .group = {}});
    ASSERT_TRUE(listener);
    auto server = Server::start(std::move(*listener), Admission(::geteuid(), std::nullopt),
                                [this](const std::string& actor) { return make_services(*controllers_, actor); });
    ASSERT_TRUE(server);
    server_ = std::move(*server);
    server_->set_serving(true);
    channel_ =
        grpc::CreateChannel("unix://" + (directory_ / "agent.sock").string(), grpc::InsecureChannelCredentials());
  }
  void TearDown() override {
    telemetry_->events().close();
    server_.reset();
    ControlTest::TearDown();
  }

  static void limit(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  }
  grpc::Status apply(const std::string& text, v1::ApplyPolicyResponse* response) {
    grpc::ClientContext context;
    limit(context);
    v1::ApplyPolicyRequest request;
    request.set_text(text);
    return v1::PolicyService::NewStub(channel_)->Apply(&context, request, response);
  }
  grpc::Status block(const std::string& target, v1::BlockResponse* response) {
    grpc::ClientContext context;
    limit(context);
    v1::BlockRequest request;
    request.add_targets(target);
    request.mutable_duration()->set_seconds(3600);
    request.set_reason("flood");
    return v1::DecisionService::NewStub(channel_)->Block(&context, request, response);
  }

  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(ServicesTest, PolicyRoundTrip) {
  v1::ApplyPolicyResponse applied;
  ASSERT_TRUE(apply(testing::kPolicy, &applied).ok());
  EXPECT_EQ(applied.generation(), 1U);
  EXPECT_GT(applied.changes_size(), 0);
  grpc::ClientContext context;
  v1::PolicyHistoryResponse history;
  ASSERT_TRUE(v1::PolicyService::NewStub(channel_)->History(&context, {}, &history).ok());
  ASSERT_EQ(history.generations_size(), 1);
  EXPECT_EQ(history.generations(0).actor(), "uid:" + std::to_string(::geteuid()))
      << "the kernel's word, not the client's";
  EXPECT_TRUE(history.generations(0).active());
  EXPECT_EQ(apply("version: 1\nenforce: 7\n", &applied).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServicesTest, BlockListWhyAndDelete) {
  v1::ApplyPolicyResponse applied;
  ASSERT_TRUE(apply(testing::kPolicy, &applied).ok());
  v1::BlockResponse blocked;
  ASSERT_TRUE(block("203.0.113.9", &blocked).ok());
  ASSERT_EQ(blocked.decisions_size(), 1);
  EXPECT_EQ(blocked.decisions(0).actor(), "uid:" + std::to_string(::geteuid()));
  EXPECT_EQ(blocked.decisions(0).expires().seconds() - blocked.decisions(0).created().seconds(), 3600);

  grpc::ClientContext listing;
  const auto decisions = v1::DecisionService::NewStub(channel_);
  const auto reader = decisions->List(&listing, {});
  v1::Decision decision;
  ASSERT_TRUE(reader->Read(&decision));
  EXPECT_EQ(decision.target(), "203.0.113.9");
  EXPECT_FALSE(reader->Read(&decision));
  ASSERT_TRUE(reader->Finish().ok());

  grpc::ClientContext asking;
  v1::WhyRequest why;
  why.set_address("203.0.113.9");
  v1::WhyResponse because;
  ASSERT_TRUE(v1::StatusService::NewStub(channel_)->Why(&asking, why, &because).ok());
  EXPECT_EQ(because.verdict(), "drop");
  EXPECT_TRUE(because.estimated());

  grpc::ClientContext deleting;
  v1::DeleteDecisionsRequest request;
  request.add_ids(decision.id());
  v1::DeleteDecisionsResponse deleted;
  ASSERT_TRUE(decisions->Delete(&deleting, request, &deleted).ok());
  EXPECT_EQ(deleted.deleted(), 1U);
  EXPECT_TRUE(datapath_.blocks.empty());
}

// Left in the datapath by an agent that ran before.
TEST_F(ServicesTest, BlockedConnectionsAreListedExplainedAndDeleted) {
  const kernel::Connection connection{Address::parse("203.0.113.9").value(), Address::parse("2001:db8::1").value(),
                                      40000, 443};
  datapath_.flows[connection] = {connection, clock_.monotonic() + std::chrono::hours(1), 1893456000000, "abuse"};
  ASSERT_TRUE(controllers_->decisions.start());
  grpc::ClientContext listing;
  const auto decisions = v1::DecisionService::NewStub(channel_);
  v1::ListDecisionsRequest asked;
  asked.set_origin("rule:abuse");
  asked.set_contains("203.0.113.9");
  const auto reader = decisions->List(&listing, asked);
  v1::Decision decision;
  ASSERT_TRUE(reader->Read(&decision));
  EXPECT_EQ(decision.id(), 1893456000000);
  EXPECT_EQ(decision.origin(), "rule:abuse");
  EXPECT_EQ(decision.expires().seconds() - decision.created().seconds(), 3600);
  ASSERT_EQ(decision.identity().connections_size(), 1);
  EXPECT_EQ(decision.identity().connections(0), "203.0.113.9:40000 to [2001:db8::1]:443");
  EXPECT_FALSE(reader->Read(&decision));
  ASSERT_TRUE(reader->Finish().ok());

  grpc::ClientContext asking;
  v1::WhyRequest why;
  why.set_address("203.0.113.9");
  v1::WhyResponse because;
  ASSERT_TRUE(v1::StatusService::NewStub(channel_)->Why(&asking, why, &because).ok());
  ASSERT_GE(because.matches_size(), 1);
  EXPECT_EQ(because.matches(0).kind(), "connection");
  EXPECT_EQ(because.matches(0).undo(), "tidegate decisions delete 1893456000000");

  grpc::ClientContext deleting;
  v1::DeleteDecisionsRequest request;
  request.add_ids(1893456000000);
  v1::DeleteDecisionsResponse deleted;
  ASSERT_TRUE(decisions->Delete(&deleting, request, &deleted).ok());
  EXPECT_EQ(deleted.deleted(), 1U);
  EXPECT_TRUE(datapath_.flows.empty());
}

TEST_F(ServicesTest, GuardRefusalIsAFailedPrecondition) {
  v1::ApplyPolicyResponse applied;
  ASSERT_TRUE(apply(testing::kPolicy, &applied).ok());
  v1::BlockResponse blocked;
  const auto status = block("192.0.2.10", &blocked);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_message().find("192.0.2.10"), std::string::npos);
}

TEST_F(ServicesTest, ImportInChunks) {
  grpc::ClientContext context;
  v1::ImportResponse response;
  const auto stub = v1::DecisionService::NewStub(channel_);
  const auto writer = stub->Import(&context, &response);
  v1::ImportRequest message;
  message.mutable_header()->set_origin("feed:test");
  writer->Write(message);
  for (const char* chunk : {"203.0.1", "13.1 1h\n203.0.113.", "2\n"}) {
    message.set_chunk(chunk);
    writer->Write(message);
  }
  writer->WritesDone();
  const auto status = writer->Finish();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.imported(), 2U);
  EXPECT_EQ(datapath_.blocks.size(), 2U);
}

TEST_F(ServicesTest, ImportOfAClientThatWentAwayIsNotApplied) {
  {
    grpc::ClientContext context;
    v1::ImportResponse response;
    const auto stub = v1::DecisionService::NewStub(channel_);
    const auto writer = stub->Import(&context, &response);
    v1::ImportRequest message;
    message.mutable_header()->set_origin("feed:test");
    writer->Write(message);
    message.set_chunk("203.0.113.1\n");
    writer->Write(message);
    context.TryCancel();
    EXPECT_FALSE(writer->Finish().ok());
  }
  server_.reset();  // waits for the handler
  EXPECT_TRUE(datapath_.blocks.empty());
  EXPECT_EQ(controllers_->decisions.count(), 0U);
}

TEST_F(ServicesTest, StatusAndTop) {
  v1::ApplyPolicyResponse applied;
  ASSERT_TRUE(apply(testing::kPolicy, &applied).ok());
  grpc::ClientContext context;
  v1::GetStatusResponse status;
  ASSERT_TRUE(v1::StatusService::NewStub(channel_)->GetStatus(&context, {}, &status).ok());
  EXPECT_EQ(status.version(), "0.1.0");
  EXPECT_EQ(status.policy_generation(), 1U);
  EXPECT_EQ(status.inspector().state(), "off");
  ASSERT_EQ(status.interfaces_size(), 1);
  EXPECT_TRUE(status.interfaces(0).attached());

  tg_event event{};
  event.time = static_cast<std::uint64_t>(clock_.monotonic().count());
  event.source = {0, TG_V4_MAPPED | 0xcb007109};
  event.service = static_cast<std::uint16_t>(datapath_.slots().at("api"));
  event.reason = TG_REASON_PACKET_LIMIT;
  event.flags = TG_EVENT_DROPPED;
  event.weight_packets = 1000;
  telemetry_->ingest(event);
  grpc::ClientContext asking;
  v1::TopResponse top;
  ASSERT_TRUE(v1::StatusService::NewStub(channel_)->Top(&asking, {}, &top).ok());
  ASSERT_EQ(top.rows_size(), 1);
  EXPECT_EQ(top.rows(0).source(), "203.0.113.9");
  EXPECT_EQ(top.rows(0).service(), "api");
  EXPECT_EQ(top.rows(0).reason(), "packet_limit");
  EXPECT_EQ(top.rows(0).dropped_total(), 1000U);
  EXPECT_TRUE(top.rows(0).estimated());
}

TEST_F(ServicesTest, TheInspectorInFull) {
  {
    auto state = inspection_.state.lock();
    auto& report = state->report;
    report.state = inspection::State::kRunning;
    report.services = {"api"};
    report.counters.add(inspect::Counter::kLostBytes, 5);
    report.counters.add(inspect::Counter::kConnections, 6);
    report.counters.add(inspect::Counter::kNoKey, 7);
    report.restarts = 2;
    report.key_store_locked = true;
    report.keys.push_back({.kind = "fifo", .path = "/f", .accepted = 9, .last_seen = std::chrono::seconds(3)});
    state->rows.push_back({.service = "api",
                           .method = "GET",
                           .path_template = "/users/{}",
                           .requests = 4,
                           .requests_per_second = 0.5,
                           .by_class = {0, 0, 3, 0, 1, 0},
                           .median = std::chrono::milliseconds(2),
                           .p99 = std::chrono::milliseconds(20)});
  }
  grpc::ClientContext context;
  v1::GetStatusResponse status;
  ASSERT_TRUE(v1::StatusService::NewStub(channel_)->GetStatus(&context, {}, &status).ok());
  const auto& inspector = status.inspector();
  EXPECT_EQ(inspector.state(), "running");
  EXPECT_EQ(inspector.lost_bytes(), 5U);
  EXPECT_EQ(inspector.connections(), 6U);
  EXPECT_EQ(inspector.no_key(), 7U);
  EXPECT_EQ(inspector.restarts(), 2U);
  EXPECT_TRUE(inspector.key_store_locked());
  EXPECT_FALSE(inspector.secrets_locked()) << "its memory as a whole is another question";
  EXPECT_EQ(inspector.counters_size(), static_cast<int>(inspect::kCounters));
  ASSERT_EQ(inspector.keys_size(), 1);
  EXPECT_EQ(inspector.keys(0).accepted(), 9U);
  EXPECT_EQ(inspector.keys(0).last_seen().seconds(), 3);

  grpc::ClientContext asking;
  v1::TopRequest request;
  request.set_by(v1::TOP_BY_ENDPOINT);
  v1::TopResponse top;
  ASSERT_TRUE(v1::StatusService::NewStub(channel_)->Top(&asking, request, &top).ok());
  ASSERT_EQ(top.rows_size(), 1);
  EXPECT_EQ(top.rows(0).service(), "api");
  EXPECT_EQ(top.rows(0).endpoint().path_template(), "/users/{}");
  EXPECT_EQ(top.rows(0).endpoint().by_class(4), 1U);
  EXPECT_EQ(top.rows(0).endpoint().p99_ms(), 20);
}

// Top of what there is none of is refused, because `why`.
void expect_no_top(const std::shared_ptr<grpc::Channel>& channel, v1::TopBy by, const std::string& why) {
  grpc::ClientContext context;
  v1::TopRequest request;
  request.set_by(by);
  v1::TopResponse top;
  const auto status = v1::StatusService::NewStub(channel)->Top(&context, request, &top);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_message().find(why), std::string::npos);
}

TEST_F(ServicesTest, EndpointsOfNothingAreRefused) {
  expect_no_top(channel_, v1::TOP_BY_ENDPOINT, "nothing is inspected");
}

TEST_F(ServicesTest, RulesOfNothingAreRefused) { expect_no_top(channel_, v1::TOP_BY_RULE, "has no behaviour rules"); }

TEST_F(ServicesTest, EventsAboutDecisionsHaveThemAsValues) {
  telemetry::DecisionDetail detail;
  detail.change = telemetry::DecisionDetail::Change::kReported;
  detail.action = "block";
  detail.target = Prefix::parse("203.0.113.7").value();
  detail.finding.emplace();
  detail.finding->rule = "guess";
  detail.finding->outcome = "nat_guard";
  detail.finding->session = "00ff";
  detail.finding->window = std::chrono::minutes(1);
  detail.finding->examples = {{"/a\xff", WallTime{}}};  // no UTF-8: protobuf would refuse it
  telemetry_->note(telemetry::EventKind::kDecision, "said", detail);
  grpc::ClientContext context;
  limit(context);
  const auto reader = v1::StatusService::NewStub(channel_)->Events(&context, {});
  v1::Event event;
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.decision().change(), "reported");
  EXPECT_EQ(event.decision().target(), "203.0.113.7");
  EXPECT_EQ(event.decision().finding().outcome(), "nat_guard");
  EXPECT_EQ(event.decision().finding().session(), "00ff");
  EXPECT_EQ(event.decision().finding().evidence().window().seconds(), 60);
  EXPECT_EQ(event.decision().finding().evidence().examples(0).path_template(), "/a?");
}

TEST_F(ServicesTest, KeysArePublished) {
  const auto publish = [&](const std::vector<std::string>& messages, v1::PublishKeysResponse& response) {
    grpc::ClientContext context;
    const auto stub = v1::KeyService::NewStub(channel_);
    const auto writer = stub->Publish(&context, &response);
    for (const auto& lines : messages) {
      v1::PublishKeysRequest request;
      request.set_lines(lines);
      writer->Write(request);
    }
    writer->WritesDone();
    return writer->Finish();
  };
  v1::PublishKeysResponse response;
  ASSERT_TRUE(publish({"a\n", "b\n"}, response).ok());
  EXPECT_EQ(inspection_.state.lock()->published, "a\nb\n");
  EXPECT_EQ(response.handed_on(), 2U);
  EXPECT_EQ(response.dropped(), 4U);
  EXPECT_EQ(publish({"bad\n"}, response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(publish({std::string((64 << 10) + 1, '\n')}, response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServicesTest, KeySendersLeaveRoomForOperators) {
  struct Sender {
    grpc::ClientContext context;
    v1::PublishKeysResponse response;
    std::unique_ptr<grpc::ClientWriter<v1::PublishKeysRequest>> writer;
  };
  const auto stub = v1::KeyService::NewStub(channel_);
  std::vector<std::unique_ptr<Sender>> senders;
  v1::PublishKeysRequest request;
  for (std::size_t sent = 1; sent <= 8; ++sent) {
    auto& sender = *senders.emplace_back(std::make_unique<Sender>());
    sender.writer = stub->Publish(&sender.context, &sender.response);
    request.set_lines("a\n");
    ASSERT_TRUE(sender.writer->Write(request));
    while (inspection_.state.lock()->published.size() < 2 * sent) std::this_thread::yield();
  }
  Sender late;
  late.writer = stub->Publish(&late.context, &late.response);
  EXPECT_EQ(late.writer->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  for (auto& sender : senders) {
    sender->writer->WritesDone();
    EXPECT_TRUE(sender->writer->Finish().ok());
  }
}

TEST_F(ServicesTest, EventsSinceThenFollowedOnceEach) {
  telemetry_->note(telemetry::EventKind::kPolicy, "first");
  grpc::ClientContext context;
  limit(context);
  v1::EventsRequest request;
  request.set_follow(true);
  request.mutable_since()->set_seconds(60);
  const auto stub = v1::StatusService::NewStub(channel_);
  const auto reader = stub->Events(&context, request);
  v1::Event event;
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.message(), "first");
  telemetry_->note(telemetry::EventKind::kWarning, "second");
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.message(), "second");
  EXPECT_EQ(event.kind(), "warning");
  telemetry_->events().close();
  EXPECT_FALSE(reader->Read(&event)) << "the agent stops: the stream ends";
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(ServicesTest, HealthFollowsTheAgent) {
  EXPECT_EQ(health_of(channel_), Health::kServing);
  server_->set_serving(false);
  EXPECT_EQ(health_of(channel_), Health::kNotServing);
}

}  // namespace
}  // namespace tidegate::api
