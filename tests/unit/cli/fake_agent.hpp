// SPDX-License-Identifier: Apache-2.0
// An agent with canned answers behind a real Unix socket, in this process.
#pragma once

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tidegate/v1/decisions.grpc.pb.h"
#include "tidegate/v1/policy.grpc.pb.h"
#include "tidegate/v1/status.grpc.pb.h"

namespace tidegate::cli::test {

namespace v1 = ::tidegate::v1;

// One call: what it answers and what it was asked last.
template <typename Request, typename Response>
struct Canned {
  Response response;
  grpc::Status status;
  Request asked;
  int calls = 0;

  grpc::Status answer(const Request* request, Response* out) {
    asked = *request;
    ++calls;
    *out = response;
    return status;
  }
};

// A member with what a call answers, and the call.
#define TIDEGATE_CANNED(Method, Request, Response, member)                                                 \
  Canned<v1::Request, v1::Response> member;                                                                \
  grpc::Status Method(grpc::ServerContext*, const v1::Request* request, v1::Response* response) override { \
    return member.answer(request, response);                                                               \
  }

class FakeStatus final : public v1::StatusService::Service {
 public:
  TIDEGATE_CANNED(GetStatus, GetStatusRequest, GetStatusResponse, get)
  TIDEGATE_CANNED(Why, WhyRequest, WhyResponse, why)
  TIDEGATE_CANNED(Top, TopRequest, TopResponse, top)
  TIDEGATE_CANNED(Support, SupportRequest, SupportResponse, support)
  std::vector<v1::Event> events;
  v1::EventsRequest events_asked;
  bool endless = false;  // events go on until the client cancels

  grpc::Status Events(grpc::ServerContext* context, const v1::EventsRequest* request,
                      grpc::ServerWriter<v1::Event>* writer) override;
};

class FakeDatapath final : public v1::DatapathService::Service {
 public:
  TIDEGATE_CANNED(Attach, AttachRequest, AttachResponse, attach)
  TIDEGATE_CANNED(Detach, DetachRequest, DetachResponse, detach)
};

class FakePolicy final : public v1::PolicyService::Service {
 public:
  TIDEGATE_CANNED(Diff, DiffPolicyRequest, DiffPolicyResponse, diff)
  TIDEGATE_CANNED(Apply, ApplyPolicyRequest, ApplyPolicyResponse, apply)
  TIDEGATE_CANNED(Confirm, ConfirmPolicyRequest, ConfirmPolicyResponse, confirm)
  TIDEGATE_CANNED(Rollback, RollbackPolicyRequest, ApplyPolicyResponse, rollback)
  TIDEGATE_CANNED(Show, ShowPolicyRequest, ShowPolicyResponse, show)
  TIDEGATE_CANNED(History, PolicyHistoryRequest, PolicyHistoryResponse, history)
};

class FakeDecisions final : public v1::DecisionService::Service {
 public:
  TIDEGATE_CANNED(Block, BlockRequest, BlockResponse, block)
  TIDEGATE_CANNED(Unblock, UnblockRequest, UnblockResponse, unblock)
  TIDEGATE_CANNED(Limit, LimitRequest, BlockResponse, limit)
  TIDEGATE_CANNED(Delete, DeleteDecisionsRequest, DeleteDecisionsResponse, remove)
  std::vector<v1::Decision> list;
  v1::ListDecisionsRequest list_asked;
  v1::ImportHeader import_header;
  std::string import_text;
  v1::ImportResponse import_response;

  grpc::Status List(grpc::ServerContext*, const v1::ListDecisionsRequest* request,
                    grpc::ServerWriter<v1::Decision>* writer) override;
  grpc::Status Import(grpc::ServerContext*, grpc::ServerReader<v1::ImportRequest>* reader,
                      v1::ImportResponse* response) override;
};

class FakeSafelist final : public v1::SafelistService::Service {
 public:
  TIDEGATE_CANNED(Add, AddSafelistRequest, AddSafelistResponse, add)
  TIDEGATE_CANNED(Remove, RemoveSafelistRequest, RemoveSafelistResponse, remove)
  TIDEGATE_CANNED(List, ListSafelistRequest, ListSafelistResponse, list)
  TIDEGATE_CANNED(Check, CheckSafelistRequest, CheckSafelistResponse, check)
};

#undef TIDEGATE_CANNED

class FakeAgent {
 public:
  FakeAgent();
  ~FakeAgent();

  std::string socket() const { return directory_ / "agent.sock"; }
  const std::filesystem::path& directory() const { return directory_; }  // for files of a test

  FakeStatus status;
  FakeDatapath datapath;
  FakePolicy policy;
  FakeDecisions decisions;
  FakeSafelist safelist;

 private:
  std::filesystem::path directory_;
  std::unique_ptr<grpc::Server> server_;
};

// "2030-01-01T00:00:00Z" is second 1893456000.
inline constexpr std::int64_t kNow = 1893456000;
v1::Decision decision(std::int64_t id, const std::string& target, const std::string& origin, const std::string& reason);

}  // namespace tidegate::cli::test
