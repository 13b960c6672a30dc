// SPDX-License-Identifier: Apache-2.0
#include "agent/api/error_map.hpp"

namespace tidegate::api {
namespace {

grpc::StatusCode to_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case ErrorCode::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    case ErrorCode::kAlreadyExists:
      return grpc::StatusCode::ALREADY_EXISTS;
    case ErrorCode::kFailedPrecondition:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case ErrorCode::kPermissionDenied:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case ErrorCode::kResourceExhausted:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case ErrorCode::kUnavailable:
      return grpc::StatusCode::UNAVAILABLE;
    case ErrorCode::kUnsupported:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case ErrorCode::kDataLoss:
      return grpc::StatusCode::DATA_LOSS;
    case ErrorCode::kInternal:
      return grpc::StatusCode::INTERNAL;
  }
  return grpc::StatusCode::INTERNAL;
}

}  // namespace

// kPermissionDenied is a permission that the *agent* lacks (a capability, a file mode). PERMISSION_DENIED is kept for
// callers, so that exit code 4 of the CLI always means "you may not".
grpc::Status to_grpc(const Error& error) { return {to_code(error.code), error.message}; }

grpc::Status to_grpc(const Status& status) { return status ? grpc::Status::OK : to_grpc(status.error()); }

grpc::Status refused() {
  return {grpc::StatusCode::PERMISSION_DENIED, "not allowed: ask root to add you to the agent's socket_group"};
}

}  // namespace tidegate::api
