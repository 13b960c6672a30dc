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

class FakeStatus final : public v1::StatusService::Service {
 public:
  Canned<v1::GetStatusRequest, v1::GetStatusResponse> get;
  Canned<v1::WhyRequest, v1::WhyResponse> why;
  Canned<v1::TopRequest, v1::TopResponse> top;
  Canned<v1::SupportRequest, v1::SupportResponse> support;
  std::vector<v1::Event> events;
  v1::EventsRequest events_asked;
  bool endless = false;  // events go on until the client cancels

  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest* request,
                         v1::GetStatusResponse* response) override {
    return get.answer(request, response);
  }
  grpc::Status Why(grpc::ServerContext*, const v1::WhyRequest* request, v1::WhyResponse* response) override {
    return why.answer(request, response);
  }
  grpc::Status Top(grpc::ServerContext*, const v1::TopRequest* request, v1::TopResponse* response) override {
    return top.answer(request, response);
  }
  grpc::Status Support(grpc::ServerContext*, const v1::SupportRequest* request,
                       v1::SupportResponse* response) override {
    return support.answer(request, response);
  }
  grpc::Status Events(grpc::ServerContext* context, const v1::EventsRequest* request,
                      grpc::ServerWriter<v1::Event>* writer) override;
};

class FakeDatapath final : public v1::DatapathService::Service {
 public:
  Canned<v1::AttachRequest, v1::AttachResponse> attach;
  Canned<v1::DetachRequest, v1::DetachResponse> detach;

  grpc::Status Attach(grpc::ServerContext*, const v1::AttachRequest* request, v1::AttachResponse* response) override {
    return attach.answer(request, response);
  }
  grpc::Status Detach(grpc::ServerContext*, const v1::DetachRequest* request, v1::DetachResponse* response) override {
    return detach.answer(request, response);
  }
};

class FakePolicy final : public v1::PolicyService::Service {
 public:
  Canned<v1::DiffPolicyRequest, v1::DiffPolicyResponse> diff;
  Canned<v1::ApplyPolicyRequest, v1::ApplyPolicyResponse> apply;
  Canned<v1::ConfirmPolicyRequest, v1::ConfirmPolicyResponse> confirm;
  Canned<v1::RollbackPolicyRequest, v1::ApplyPolicyResponse> rollback;
  Canned<v1::ShowPolicyRequest, v1::ShowPolicyResponse> show;
  Canned<v1::PolicyHistoryRequest, v1::PolicyHistoryResponse> history;

  grpc::Status Diff(grpc::ServerContext*, const v1::DiffPolicyRequest* request,
                    v1::DiffPolicyResponse* response) override {
    return diff.answer(request, response);
  }
  grpc::Status Apply(grpc::ServerContext*, const v1::ApplyPolicyRequest* request,
                     v1::ApplyPolicyResponse* response) override {
    return apply.answer(request, response);
  }
  grpc::Status Confirm(grpc::ServerContext*, const v1::ConfirmPolicyRequest* request,
                       v1::ConfirmPolicyResponse* response) override {
    return confirm.answer(request, response);
  }
  grpc::Status Rollback(grpc::ServerContext*, const v1::RollbackPolicyRequest* request,
                        v1::ApplyPolicyResponse* response) override {
    return rollback.answer(request, response);
  }
  grpc::Status Show(grpc::ServerContext*, const v1::ShowPolicyRequest* request,
                    v1::ShowPolicyResponse* response) override {
    return show.answer(request, response);
  }
  grpc::Status History(grpc::ServerContext*, const v1::PolicyHistoryRequest* request,
                       v1::PolicyHistoryResponse* response) override {
    return history.answer(request, response);
  }
};

class FakeDecisions final : public v1::DecisionService::Service {
 public:
  Canned<v1::BlockRequest, v1::BlockResponse> block;
  Canned<v1::UnblockRequest, v1::UnblockResponse> unblock;
  Canned<v1::LimitRequest, v1::BlockResponse> limit;
  Canned<v1::DeleteDecisionsRequest, v1::DeleteDecisionsResponse> remove;
  std::vector<v1::Decision> list;
  v1::ListDecisionsRequest list_asked;
  v1::ImportHeader import_header;
  std::string import_text;
  v1::ImportResponse import_response;

  grpc::Status Block(grpc::ServerContext*, const v1::BlockRequest* request, v1::BlockResponse* response) override {
    return block.answer(request, response);
  }
  grpc::Status Unblock(grpc::ServerContext*, const v1::UnblockRequest* request,
                       v1::UnblockResponse* response) override {
    return unblock.answer(request, response);
  }
  grpc::Status Limit(grpc::ServerContext*, const v1::LimitRequest* request, v1::BlockResponse* response) override {
    return limit.answer(request, response);
  }
  grpc::Status Delete(grpc::ServerContext*, const v1::DeleteDecisionsRequest* request,
                      v1::DeleteDecisionsResponse* response) override {
    return remove.answer(request, response);
  }
  grpc::Status List(grpc::ServerContext*, const v1::ListDecisionsRequest* request,
                    grpc::ServerWriter<v1::Decision>* writer) override;
  grpc::Status Import(grpc::ServerContext*, grpc::ServerReader<v1::ImportRequest>* reader,
                      v1::ImportResponse* response) override;
};

class FakeSafelist final : public v1::SafelistService::Service {
 public:
  Canned<v1::AddSafelistRequest, v1::AddSafelistResponse> add;
  Canned<v1::RemoveSafelistRequest, v1::RemoveSafelistResponse> remove;
  Canned<v1::ListSafelistRequest, v1::ListSafelistResponse> list;
  Canned<v1::CheckSafelistRequest, v1::CheckSafelistResponse> check;

  grpc::Status Add(grpc::ServerContext*, const v1::AddSafelistRequest* request,
                   v1::AddSafelistResponse* response) override {
    return add.answer(request, response);
  }
  grpc::Status Remove(grpc::ServerContext*, const v1::RemoveSafelistRequest* request,
                      v1::RemoveSafelistResponse* response) override {
    return remove.answer(request, response);
  }
  grpc::Status List(grpc::ServerContext*, const v1::ListSafelistRequest* request,
                    v1::ListSafelistResponse* response) override {
    return list.answer(request, response);
  }
  grpc::Status Check(grpc::ServerContext*, const v1::CheckSafelistRequest* request,
                     v1::CheckSafelistResponse* response) override {
    return check.answer(request, response);
  }
};

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
