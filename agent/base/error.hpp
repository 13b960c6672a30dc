// SPDX-License-Identifier: Apache-2.0
// Errors as values. Libraries return them and never log; main and the API decide what is said to whom.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace tidegate {

// What a caller can do about it; agent/api maps these to gRPC codes in one place.
enum class ErrorCode {
  kInvalidArgument,     // the input is wrong: change it
  kNotFound,            // nothing of that name
  kAlreadyExists,       // there is one already
  kFailedPrecondition,  // right input, wrong moment: resolve the named state first
  kPermissionDenied,    // a privilege or a file permission is missing
  kResourceExhausted,   // a table, disk or limit is full
  kUnavailable,         // may succeed later by itself
  kUnsupported,         // the kernel, driver or build cannot do it
  kDataLoss,            // stored state is damaged
  kInternal,            // a bug
};

// One line for a person: what, where, what to do. Holds no secret.
struct Error {
  ErrorCode code;
  std::string message;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

// fail() with the text of an errno value appended: "cannot open /x: Permission denied".
// The code follows from the errno (EACCES and EPERM: kPermissionDenied, ENOSPC: kResourceExhausted, …).
std::unexpected<Error> fail_errno(int error_number, std::string_view what);

std::string_view to_string(ErrorCode code);

}  // namespace tidegate

// Leaves the enclosing function with the error of `expression`, a Result or Status.
#define TIDEGATE_CONCAT_(a, b) a##b
#define TIDEGATE_CONCAT(a, b) TIDEGATE_CONCAT_(a, b)
// The temporaries are numbered, so that one may stand inside a lambda inside another.
#define TIDEGATE_TRY(expression) TIDEGATE_TRY_(TIDEGATE_CONCAT(tidegate_status_, __COUNTER__), expression)
#define TIDEGATE_TRY_(temporary, expression)                \
  do {                                                      \
    if (auto temporary = (expression); !temporary) {        \
      return std::unexpected(std::move(temporary).error()); \
    }                                                       \
  } while (false)
// Likewise, and declares `declaration` with the value: TIDEGATE_ASSIGN(auto policy, parse(text));
#define TIDEGATE_ASSIGN(declaration, expression) \
  TIDEGATE_ASSIGN_(TIDEGATE_CONCAT(tidegate_result_, __COUNTER__), declaration, expression)
#define TIDEGATE_ASSIGN_(temporary, declaration, expression) \
  auto temporary = (expression);                             \
  if (!temporary) {                                          \
    return std::unexpected(std::move(temporary).error());    \
  }                                                          \
  declaration = std::move(*temporary)
