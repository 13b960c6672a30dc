// SPDX-License-Identifier: Apache-2.0
// What a command ends with. Exit codes are part of the contract with scripts.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "agent/base/error.hpp"

namespace tidegate::cli {

enum class Exit : int {
  kDone = 0,
  kFailed = 1,        // refused or failed
  kUsage = 2,         // the command line is wrong
  kUnreachable = 3,   // no agent behind the socket
  kNotAllowed = 4,    // this user may not
  kInterrupted = 130  // Ctrl-C, where that is not the usual way to end
};

// One line: what, where, what to do. An empty message: everything has been said already.
struct Failure {
  Exit exit = Exit::kFailed;
  std::string message;

  Failure(Exit code, std::string text) : exit(code), message(std::move(text)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): lets TIDEGATE_TRY turn the agent's errors into ours
  Failure(Error error)
      : exit(error.code == ErrorCode::kPermissionDenied ? Exit::kNotAllowed : Exit::kFailed),
        message(std::move(error.message)) {}
};

template <typename T = void>
using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> refuse(Exit exit, std::string message) {
  return std::unexpected(Failure(exit, std::move(message)));
}
inline std::unexpected<Failure> refuse(std::string message) { return refuse(Exit::kFailed, std::move(message)); }

}  // namespace tidegate::cli
