// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/inspection/api_figures.hpp"
#include "tidegate/v1/api.grpc.pb.h"

namespace tidegate::api {

class ApiService final : public v1::ApiService::Service {
 public:
  // nullptr: this agent inspects nothing.
  explicit ApiService(const inspection::ApiFigures* figures) : figures_(figures) {}

  grpc::Status Report(grpc::ServerContext*, const v1::ApiReportRequest*, v1::ApiReportResponse*) override;

 private:
  const inspection::ApiFigures* figures_;
};

}  // namespace tidegate::api
