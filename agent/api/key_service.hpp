// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/inspection/report.hpp"
#include "tidegate/v1/keys.grpc.pb.h"

namespace tidegate::api {

class KeyService final : public v1::KeyService::Service {
 public:
  explicit KeyService(inspection::Inspection* inspection) : inspection_(inspection) {}

  // At most 8 streams at once, RESOURCE_EXHAUSTED beyond. Each holds a thread of the server for as long as it is open,
  // and one message of at most 64 KiB, which is wiped. What gRPC itself buffers is out of reach.
  grpc::Status Publish(grpc::ServerContext*, grpc::ServerReader<v1::PublishKeysRequest>*,
                       v1::PublishKeysResponse*) override;

 private:
  inspection::Inspection* inspection_;
};

}  // namespace tidegate::api
