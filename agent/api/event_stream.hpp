// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/sync_stream.h>

#include "agent/control/environment.hpp"
#include "tidegate/v1/status.pb.h"

namespace tidegate::api {

// `tidegate events`: what was since then, and with `follow` what comes, until the client or the agent goes.
grpc::Status stream_events(const control::Environment& environment, grpc::ServerContext& context,
                           const v1::EventsRequest& request, grpc::ServerWriter<v1::Event>& writer);

}  // namespace tidegate::api
