// SPDX-License-Identifier: Apache-2.0
#include "agent/base/error.hpp"

#include <cerrno>
#include <system_error>

namespace tidegate {
namespace {

ErrorCode code_of(int error_number) {
  switch (error_number) {
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermissionDenied;
    case ENOENT:
    case ENODEV:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case EBUSY:
    case EADDRINUSE:
      return ErrorCode::kFailedPrecondition;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case E2BIG:
    case EMFILE:
    case ENFILE:
      return ErrorCode::kResourceExhausted;
    case EINVAL:
      return ErrorCode::kInvalidArgument;
    case EOPNOTSUPP:
    case ENOSYS:
      return ErrorCode::kUnsupported;
    case EAGAIN:
    case EINTR:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace

std::unexpected<Error> fail_errno(int error_number, std::string_view what) {
  return fail(code_of(error_number), std::string(what) + ": " + std::generic_category().message(error_number));
}

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid argument";
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kAlreadyExists:
      return "already exists";
    case ErrorCode::kFailedPrecondition:
      return "failed precondition";
    case ErrorCode::kPermissionDenied:
      return "permission denied";
    case ErrorCode::kResourceExhausted:
      return "resource exhausted";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kDataLoss:
      return "data loss";
    case ErrorCode::kInternal:
      break;
  }
  return "internal";
}

}  // namespace tidegate
