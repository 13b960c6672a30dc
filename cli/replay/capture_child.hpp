// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tidegate::cli {

enum class RecordKind : std::uint32_t { kFrame, kUnusable, kError, kEnd };

// What the child sends through the pipe, followed by `length` bytes: a frame, or the text of an error.
struct Record {
  RecordKind kind = RecordKind::kEnd;
  std::uint32_t length = 0;
  std::int64_t when_ns = 0;
  std::uint64_t offset = 0;
};

// Gives up every privilege, then parses the capture on descriptor `file` into records on descriptor `pipe`. Never
// returns.
[[noreturn]] void run_capture_child(int file, int pipe);

}  // namespace tidegate::cli
