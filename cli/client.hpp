// SPDX-License-Identifier: Apache-2.0
// The agent as the commands see it: one method per call of proto/tidegate/v1. No gRPC type crosses this header.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/environment.hpp"
#include "cli/outcome.hpp"
#include "tidegate/v1/api.pb.h"
#include "tidegate/v1/decisions.pb.h"
#include "tidegate/v1/policy.pb.h"
#include "tidegate/v1/status.pb.h"

namespace tidegate::cli {

namespace v1 = ::tidegate::v1;

// Failures carry the exit code of the contract. Calls that answer at once give up after half a minute.
// Not thread-safe.
class Client {
 public:
  Client(std::string socket, const Environment& environment);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // `allowed` may be longer than usual: `status --wait`.
  Outcome<v1::GetStatusResponse> status(const v1::GetStatusRequest& request, std::chrono::seconds allowed);
  Outcome<v1::WhyResponse> why(const v1::WhyRequest& request);
  Outcome<v1::TopResponse> top(const v1::TopRequest& request);
  Outcome<v1::ApiReportResponse> api_report(const v1::ApiReportRequest& request);
  Outcome<v1::SupportResponse> support(const v1::SupportRequest& request);
  // Ends quietly when `environment.interrupted` is set.
  Outcome<> events(const v1::EventsRequest& request, const std::function<void(const v1::Event&)>& visit);
  Outcome<v1::AttachResponse> attach(const v1::AttachRequest& request);
  Outcome<v1::DetachResponse> detach(const v1::DetachRequest& request);

  Outcome<v1::CheckPolicyResponse> check_policy(const v1::CheckPolicyRequest& request);
  Outcome<v1::DiffPolicyResponse> diff_policy(const v1::DiffPolicyRequest& request);
  Outcome<v1::ApplyPolicyResponse> apply_policy(const v1::ApplyPolicyRequest& request);
  Outcome<v1::ConfirmPolicyResponse> confirm_policy(const v1::ConfirmPolicyRequest& request);
  Outcome<v1::ApplyPolicyResponse> rollback_policy(const v1::RollbackPolicyRequest& request);
  Outcome<v1::ShowPolicyResponse> show_policy(const v1::ShowPolicyRequest& request);
  Outcome<v1::PolicyHistoryResponse> policy_history(const v1::PolicyHistoryRequest& request);

  Outcome<v1::BlockResponse> block(const v1::BlockRequest& request);
  Outcome<v1::UnblockResponse> unblock(const v1::UnblockRequest& request);
  Outcome<v1::BlockResponse> limit(const v1::LimitRequest& request);
  // `visit` returns false to stop.
  Outcome<> list_decisions(const v1::ListDecisionsRequest& request,
                           const std::function<bool(const v1::Decision&)>& visit);
  // `next` gives the chunks; none ends the stream. An error from it abandons the import.
  using NextChunk = std::function<Outcome<std::optional<std::string>>()>;
  Outcome<v1::ImportResponse> import_decisions(const v1::ImportHeader& header, const NextChunk& next);
  Outcome<v1::DeleteDecisionsResponse> delete_decisions(const v1::DeleteDecisionsRequest& request);

  Outcome<v1::AddSafelistResponse> add_safelist(const v1::AddSafelistRequest& request);
  Outcome<v1::RemoveSafelistResponse> remove_safelist(const v1::RemoveSafelistRequest& request);
  Outcome<v1::ListSafelistResponse> list_safelist(const v1::ListSafelistRequest& request);
  Outcome<v1::CheckSafelistResponse> check_safelist(const v1::CheckSafelistRequest& request);

 private:
  struct Stubs;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace tidegate::cli
