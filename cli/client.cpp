// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>

#include "cli/format/escape.hpp"
#include "cli/socket_probe.hpp"
#include "cli/stop_watcher.hpp"
#include "tidegate/v1/api.grpc.pb.h"
#include "tidegate/v1/decisions.grpc.pb.h"
#include "tidegate/v1/policy.grpc.pb.h"
#include "tidegate/v1/status.grpc.pb.h"

namespace tidegate::cli {

struct Client::Stubs {
  Stubs(std::string path, const Environment& of) : socket(std::move(path)), environment(of) {}

  std::string socket;
  const Environment& environment;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::ApiService::Stub> api;
  std::unique_ptr<v1::StatusService::Stub> status;
  std::unique_ptr<v1::DatapathService::Stub> datapath;
  std::unique_ptr<v1::PolicyService::Stub> policy;
  std::unique_ptr<v1::DecisionService::Stub> decisions;
  std::unique_ptr<v1::SafelistService::Stub> safelist;

  Outcome<> failed(const grpc::Status& answer) const;
  template <typename Stub, typename Request, typename Response>
  Outcome<Response> call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                         const Request& request, std::chrono::seconds allowed = std::chrono::seconds(30)) const;
};

namespace {

// What went wrong is said in one line of ours; gRPC's own log only comes when it is asked for.
void silence_grpc(const Environment& environment) {
  if (!environment.variable("GRPC_VERBOSITY")) gpr_set_log_function([](gpr_log_func_args*) {});
}

std::shared_ptr<grpc::Channel> open_channel(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(64 << 20);  // support and top answers; streams come in small messages
  return grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments);
}

std::string said(const grpc::Status& status) {
  const std::string text = escape_text(status.error_message());
  return text.empty() ? "the agent gave no reason (gRPC code " + std::to_string(status.error_code()) + ")" : text;
}

}  // namespace

// UNAVAILABLE is also what gRPC says when it could not connect: the socket itself knows better why.
Outcome<> Client::Stubs::failed(const grpc::Status& answer) const {
  switch (answer.error_code()) {
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
      return refuse(Exit::kNotAllowed, said(answer));
    case grpc::StatusCode::UNAVAILABLE:
      TIDEGATE_TRY(probe_socket(socket));
      // An agent that began to listen after gRPC had tried: whoever waits for it tries again.
      if (answer.error_message().starts_with("failed to connect")) return refuse(Exit::kUnreachable, said(answer));
      return refuse(said(answer));
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return refuse(Exit::kUnreachable, "the agent on " + escape_text(socket) +
                                            " does not answer in time; look at `journalctl -u tidegated`");
    case grpc::StatusCode::UNIMPLEMENTED:
      return refuse("the agent on " + escape_text(socket) + " does not know this request (" + said(answer) +
                    "); update tidegated to the version of this tidegate");
    default:
      return refuse(said(answer));
  }
}

template <typename Stub, typename Request, typename Response>
Outcome<Response> Client::Stubs::call(Stub& stub,
                                      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                      const Request& request, std::chrono::seconds allowed) const {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + allowed);
  const StopWatcher watcher(environment.interrupted, [&context] { context.TryCancel(); });
  Response response;
  const grpc::Status answer = (stub.*method)(&context, request, &response);
  if (answer.ok()) return response;
  if (environment.interrupted) return refuse(Exit::kInterrupted, "");
  return std::unexpected(failed(answer).error());
}

Client::Client(std::string socket, const Environment& environment)
    : stubs_(std::make_unique<Stubs>(std::move(socket), environment)) {
  silence_grpc(environment);
  stubs_->channel = open_channel(stubs_->socket);
  stubs_->api = v1::ApiService::NewStub(stubs_->channel);
  stubs_->status = v1::StatusService::NewStub(stubs_->channel);
  stubs_->datapath = v1::DatapathService::NewStub(stubs_->channel);
  stubs_->policy = v1::PolicyService::NewStub(stubs_->channel);
  stubs_->decisions = v1::DecisionService::NewStub(stubs_->channel);
  stubs_->safelist = v1::SafelistService::NewStub(stubs_->channel);
}

Client::~Client() = default;

Outcome<v1::GetStatusResponse> Client::status(const v1::GetStatusRequest& request, std::chrono::seconds allowed) {
  return stubs_->call(*stubs_->status, &v1::StatusService::Stub::GetStatus, request, allowed);
}

Outcome<v1::WhyResponse> Client::why(const v1::WhyRequest& request) {
  return stubs_->call(*stubs_->status, &v1::StatusService::Stub::Why, request);
}

Outcome<v1::TopResponse> Client::top(const v1::TopRequest& request) {
  return stubs_->call(*stubs_->status, &v1::StatusService::Stub::Top, request);
}

Outcome<v1::ApiReportResponse> Client::api_report(const v1::ApiReportRequest& request) {
  return stubs_->call(*stubs_->api, &v1::ApiService::Stub::Report, request);
}

Outcome<v1::SupportResponse> Client::support(const v1::SupportRequest& request) {
  return stubs_->call(*stubs_->status, &v1::StatusService::Stub::Support, request);
}

Outcome<> Client::events(const v1::EventsRequest& request, const std::function<void(const v1::Event&)>& visit) {
  grpc::ClientContext context;
  const StopWatcher watcher(stubs_->environment.interrupted, [&context] { context.TryCancel(); });
  const auto reader = stubs_->status->Events(&context, request);
  v1::Event event;
  while (reader->Read(&event)) visit(event);
  const grpc::Status status = reader->Finish();
  if (status.ok() || stubs_->environment.interrupted) return {};
  return stubs_->failed(status);
}

Outcome<v1::AttachResponse> Client::attach(const v1::AttachRequest& request) {
  return stubs_->call(*stubs_->datapath, &v1::DatapathService::Stub::Attach, request);
}

Outcome<v1::DetachResponse> Client::detach(const v1::DetachRequest& request) {
  return stubs_->call(*stubs_->datapath, &v1::DatapathService::Stub::Detach, request);
}

Outcome<v1::CheckPolicyResponse> Client::check_policy(const v1::CheckPolicyRequest& request) {
  return stubs_->call(*stubs_->policy, &v1::PolicyService::Stub::Check, request);
}

Outcome<v1::DiffPolicyResponse> Client::diff_policy(const v1::DiffPolicyRequest& request) {
  return stubs_->call(*stubs_->policy, &v1::PolicyService::Stub::Diff, request);
}

Outcome<v1::ApplyPolicyResponse> Client::apply_policy(const v1::ApplyPolicyRequest& request) {
  return stubs_->call(*stubs_->policy, &v1::PolicyService::Stub::Apply, request);
}

Outcome<v1::ConfirmPolicyResponse> Client::confirm_policy(const v1::ConfirmPolicyRequest& request) {
  return stubs_->call(*stubs_->policy, &v1::PolicyService::Stub::Confirm, request);
}

Outcome<v1::ApplyPolicyResponse> Client::rollback_policy(const v1::RollbackPolicyRequest& request) {
  return stubs_->call(*stubs_->policy, &v1::PolicyService::Stub::Rollback, request);
}

Outcome<v1::ShowPolicyResponse> Client::show_policy(const v1::ShowPolicyRequest& request) {
  return stubs_->call(*stubs_->policy, &v1::PolicyService::Stub::Show, request);
}

Outcome<v1::PolicyHistoryResponse> Client::policy_history(const v1::PolicyHistoryRequest& request) {
  return stubs_->call(*stubs_->policy, &v1::PolicyService::Stub::History, request);
}

Outcome<v1::BlockResponse> Client::block(const v1::BlockRequest& request) {
  return stubs_->call(*stubs_->decisions, &v1::DecisionService::Stub::Block, request);
}

Outcome<v1::UnblockResponse> Client::unblock(const v1::UnblockRequest& request) {
  return stubs_->call(*stubs_->decisions, &v1::DecisionService::Stub::Unblock, request);
}

Outcome<v1::BlockResponse> Client::limit(const v1::LimitRequest& request) {
  return stubs_->call(*stubs_->decisions, &v1::DecisionService::Stub::Limit, request);
}

Outcome<> Client::list_decisions(const v1::ListDecisionsRequest& request,
                                 const std::function<bool(const v1::Decision&)>& visit) {
  grpc::ClientContext context;
  const StopWatcher watcher(stubs_->environment.interrupted, [&context] { context.TryCancel(); });
  const auto reader = stubs_->decisions->List(&context, request);
  v1::Decision decision;
  while (reader->Read(&decision)) {
    if (visit(decision)) continue;
    context.TryCancel();
    reader->Finish();
    return {};
  }
  const grpc::Status status = reader->Finish();
  if (status.ok()) return {};
  if (stubs_->environment.interrupted) return refuse(Exit::kInterrupted, "");
  return stubs_->failed(status);
}

// A stream that ends by itself means "apply it", so an abandoned import is cancelled, never finished.
Outcome<v1::ImportResponse> Client::import_decisions(const v1::ImportHeader& header, const NextChunk& next) {
  grpc::ClientContext context;
  const StopWatcher watcher(stubs_->environment.interrupted, [&context] { context.TryCancel(); });
  v1::ImportResponse response;
  const auto writer = stubs_->decisions->Import(&context, &response);
  v1::ImportRequest request;
  *request.mutable_header() = header;
  bool open = writer->Write(request);
  while (open && !stubs_->environment.interrupted) {
    Outcome<std::optional<std::string>> chunk = next();
    if (!chunk) {
      context.TryCancel();
      writer->Finish();
      return std::unexpected(std::move(chunk).error());
    }
    if (!chunk->has_value()) break;
    request.set_chunk(std::move(**chunk));
    open = writer->Write(request);
  }
  if (stubs_->environment.interrupted) context.TryCancel();
  if (open) writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (status.ok()) return response;
  if (stubs_->environment.interrupted) return refuse(Exit::kInterrupted, "interrupted; nothing was imported");
  return std::unexpected(stubs_->failed(status).error());
}

Outcome<v1::DeleteDecisionsResponse> Client::delete_decisions(const v1::DeleteDecisionsRequest& request) {
  return stubs_->call(*stubs_->decisions, &v1::DecisionService::Stub::Delete, request);
}

Outcome<v1::AddSafelistResponse> Client::add_safelist(const v1::AddSafelistRequest& request) {
  return stubs_->call(*stubs_->safelist, &v1::SafelistService::Stub::Add, request);
}

Outcome<v1::RemoveSafelistResponse> Client::remove_safelist(const v1::RemoveSafelistRequest& request) {
  return stubs_->call(*stubs_->safelist, &v1::SafelistService::Stub::Remove, request);
}

Outcome<v1::ListSafelistResponse> Client::list_safelist(const v1::ListSafelistRequest& request) {
  return stubs_->call(*stubs_->safelist, &v1::SafelistService::Stub::List, request);
}

Outcome<v1::CheckSafelistResponse> Client::check_safelist(const v1::CheckSafelistRequest& request) {
  return stubs_->call(*stubs_->safelist, &v1::SafelistService::Stub::Check, request);
}

}  // namespace tidegate::cli
