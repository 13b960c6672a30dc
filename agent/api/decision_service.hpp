// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/control/decision_controller.hpp"
#include "tidegate/v1/decisions.grpc.pb.h"

namespace tidegate::api {

class DecisionService final : public v1::DecisionService::Service {
 public:
  DecisionService(control::DecisionController& decisions, std::string actor)
      : decisions_(decisions), actor_(std::move(actor)) {}

  grpc::Status Block(grpc::ServerContext*, const v1::BlockRequest*, v1::BlockResponse*) override;
  grpc::Status Unblock(grpc::ServerContext*, const v1::UnblockRequest*, v1::UnblockResponse*) override;
  grpc::Status Limit(grpc::ServerContext*, const v1::LimitRequest*, v1::BlockResponse*) override;
  grpc::Status List(grpc::ServerContext*, const v1::ListDecisionsRequest*, grpc::ServerWriter<v1::Decision>*) override;
  grpc::Status Import(grpc::ServerContext*, grpc::ServerReader<v1::ImportRequest>*, v1::ImportResponse*) override;
  grpc::Status Delete(grpc::ServerContext*, const v1::DeleteDecisionsRequest*, v1::DeleteDecisionsResponse*) override;

 private:
  control::DecisionController& decisions_;
  const std::string actor_;
};

}  // namespace tidegate::api
