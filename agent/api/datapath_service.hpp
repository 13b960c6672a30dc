// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/control/attach.hpp"
#include "tidegate/v1/status.grpc.pb.h"

namespace tidegate::api {

class DatapathService final : public v1::DatapathService::Service {
 public:
  DatapathService(control::AttachController& attach, std::string actor) : attach_(attach), actor_(std::move(actor)) {}

  grpc::Status Attach(grpc::ServerContext*, const v1::AttachRequest*, v1::AttachResponse*) override;
  grpc::Status Detach(grpc::ServerContext*, const v1::DetachRequest*, v1::DetachResponse*) override;

 private:
  control::AttachController& attach_;
  const std::string actor_;
};

}  // namespace tidegate::api
