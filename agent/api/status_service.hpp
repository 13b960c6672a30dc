// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/control/controllers.hpp"
#include "tidegate/v1/status.grpc.pb.h"

namespace tidegate::api {

class StatusService final : public v1::StatusService::Service {
 public:
  explicit StatusService(control::Controllers& controllers) : controllers_(controllers) {}

  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*, v1::GetStatusResponse*) override;
  grpc::Status Why(grpc::ServerContext*, const v1::WhyRequest*, v1::WhyResponse*) override;
  grpc::Status Top(grpc::ServerContext*, const v1::TopRequest*, v1::TopResponse*) override;
  // A follower that reads too slowly loses events and is told how many.
  grpc::Status Events(grpc::ServerContext*, const v1::EventsRequest*, grpc::ServerWriter<v1::Event>*) override;
  grpc::Status Support(grpc::ServerContext*, const v1::SupportRequest*, v1::SupportResponse*) override;

 private:
  control::Controllers& controllers_;
};

}  // namespace tidegate::api
