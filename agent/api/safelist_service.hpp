// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/control/safelist_controller.hpp"
#include "tidegate/v1/decisions.grpc.pb.h"

namespace tidegate::api {

class SafelistService final : public v1::SafelistService::Service {
 public:
  SafelistService(control::SafelistController& safelist, std::string actor)
      : safelist_(safelist), actor_(std::move(actor)) {}

  grpc::Status Add(grpc::ServerContext*, const v1::AddSafelistRequest*, v1::AddSafelistResponse*) override;
  grpc::Status Remove(grpc::ServerContext*, const v1::RemoveSafelistRequest*, v1::RemoveSafelistResponse*) override;
  grpc::Status List(grpc::ServerContext*, const v1::ListSafelistRequest*, v1::ListSafelistResponse*) override;
  grpc::Status Check(grpc::ServerContext*, const v1::CheckSafelistRequest*, v1::CheckSafelistResponse*) override;

 private:
  control::SafelistController& safelist_;
  const std::string actor_;
};

}  // namespace tidegate::api
