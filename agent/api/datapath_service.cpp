// SPDX-License-Identifier: Apache-2.0
#include "agent/api/datapath_service.hpp"

#include "agent/api/convert.hpp"
#include "agent/api/error_map.hpp"

namespace tidegate::api {

grpc::Status DatapathService::Attach(grpc::ServerContext*, const v1::AttachRequest* request,
                                     v1::AttachResponse* response) {
  const auto states = attach_.attach(request->interface(), actor_);
  if (!states) return to_grpc(states.error());
  for (const auto& state : *states) fill(*response->add_interfaces(), control::InterfaceReport{state, {}});
  return grpc::Status::OK;
}

grpc::Status DatapathService::Detach(grpc::ServerContext*, const v1::DetachRequest* request,
                                     v1::DetachResponse* response) {
  const auto states = attach_.detach(request->interface(), actor_);
  if (!states) return to_grpc(states.error());
  for (const auto& state : *states) fill(*response->add_interfaces(), control::InterfaceReport{state, {}});
  return grpc::Status::OK;
}

}  // namespace tidegate::api
