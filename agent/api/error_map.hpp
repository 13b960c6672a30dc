// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/support/status.h>

#include "agent/base/error.hpp"

namespace tidegate::api {

// The one place where ErrorCode becomes a gRPC code. The message is passed on: it is one line for the caller,
// who has been let in by then; who has not been sees only refused().
grpc::Status to_grpc(const Error& error);
grpc::Status to_grpc(const Status& status);

// What somebody without permission is told: nothing but that.
grpc::Status refused();

}  // namespace tidegate::api
