// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/control/policy_controller.hpp"
#include "tidegate/v1/policy.grpc.pb.h"

namespace tidegate::api {

class PolicyService final : public v1::PolicyService::Service {
 public:
  PolicyService(control::PolicyController& policy, std::string actor) : policy_(policy), actor_(std::move(actor)) {}

  grpc::Status Check(grpc::ServerContext*, const v1::CheckPolicyRequest*, v1::CheckPolicyResponse*) override;
  grpc::Status Diff(grpc::ServerContext*, const v1::DiffPolicyRequest*, v1::DiffPolicyResponse*) override;
  grpc::Status Apply(grpc::ServerContext*, const v1::ApplyPolicyRequest*, v1::ApplyPolicyResponse*) override;
  grpc::Status Confirm(grpc::ServerContext*, const v1::ConfirmPolicyRequest*, v1::ConfirmPolicyResponse*) override;
  grpc::Status Rollback(grpc::ServerContext*, const v1::RollbackPolicyRequest*, v1::ApplyPolicyResponse*) override;
  grpc::Status Show(grpc::ServerContext*, const v1::ShowPolicyRequest*, v1::ShowPolicyResponse*) override;
  grpc::Status History(grpc::ServerContext*, const v1::PolicyHistoryRequest*, v1::PolicyHistoryResponse*) override;

 private:
  control::PolicyController& policy_;
  const std::string actor_;
};

}  // namespace tidegate::api
