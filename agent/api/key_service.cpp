// SPDX-License-Identifier: Apache-2.0
#include "agent/api/key_service.hpp"

#include <string.h>

#include "agent/api/error_map.hpp"

namespace tidegate::api {
namespace {

constexpr std::size_t kMostBytes = 64 << 10;

void wipe(v1::PublishKeysRequest& request) {
  std::string& lines = *request.mutable_lines();
  ::explicit_bzero(lines.data(), lines.size());
}

Result<inspection::Inspection::Published> publish(inspection::Inspection* inspection, const std::string& lines) {
  if (lines.size() > kMostBytes) {
    return fail(ErrorCode::kInvalidArgument, "keys: a message has more than 64 KiB; send smaller ones");
  }
  if (inspection == nullptr) return fail(ErrorCode::kFailedPrecondition, "keys: this agent inspects nothing");
  return inspection->publish(lines);
}

}  // namespace

grpc::Status KeyService::Publish(grpc::ServerContext*, grpc::ServerReader<v1::PublishKeysRequest>* reader,
                                 v1::PublishKeysResponse* response) {
  v1::PublishKeysRequest request;
  while (reader->Read(&request)) {
    const auto published = publish(inspection_, request.lines());
    wipe(request);
    if (!published) return to_grpc(published.error());
    response->set_handed_on(response->handed_on() + published->handed_on);
    response->set_dropped(response->dropped() + published->dropped);
  }
  return grpc::Status::OK;
}

}  // namespace tidegate::api
