// SPDX-License-Identifier: Apache-2.0
#include "agent/api/error_map.hpp"

#include <gtest/gtest.h>

namespace tidegate::api {
namespace {

TEST(ErrorMap, EachCodeHasItsPlace) {
  using grpc::StatusCode;
  const std::pair<ErrorCode, StatusCode> expected[] = {
      {ErrorCode::kInvalidArgument, StatusCode::INVALID_ARGUMENT},
      {ErrorCode::kNotFound, StatusCode::NOT_FOUND},
      {ErrorCode::kAlreadyExists, StatusCode::ALREADY_EXISTS},
      {ErrorCode::kFailedPrecondition, StatusCode::FAILED_PRECONDITION},
      {ErrorCode::kResourceExhausted, StatusCode::RESOURCE_EXHAUSTED},
      {ErrorCode::kUnavailable, StatusCode::UNAVAILABLE},
      {ErrorCode::kUnsupported, StatusCode::FAILED_PRECONDITION},
      {ErrorCode::kDataLoss, StatusCode::DATA_LOSS},
      {ErrorCode::kInternal, StatusCode::INTERNAL}};
  for (const auto& [code, status] : expected) {
    const grpc::Status mapped = to_grpc(Error{code, "what, where, what to do"});
    EXPECT_EQ(mapped.error_code(), status) << to_string(code);
    EXPECT_EQ(mapped.error_message(), "what, where, what to do");
  }
}

// A capability that the agent lacks is not the caller's missing permission: the CLI would exit with 4.
TEST(ErrorMap, AgentsMissingPermissionIsNotTheCallers) {
  EXPECT_NE(to_grpc(Error{ErrorCode::kPermissionDenied, "x"}).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST(ErrorMap, SuccessIsOk) { EXPECT_TRUE(to_grpc(Status{}).ok()); }

}  // namespace
}  // namespace tidegate::api
