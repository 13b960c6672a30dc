// SPDX-License-Identifier: Apache-2.0
#include "cli/replay/capture.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "cli/replay/capture_child.hpp"

namespace tidegate::cli {
namespace {

constexpr std::size_t kBuffer = 256 * 1024;
constexpr std::size_t kLongestRecord = 1 << 20;

}  // namespace

Result<std::unique_ptr<Capture>> Capture::open(const std::string& file) {
  UniqueFd input(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!input) return fail_errno(errno, "cannot open capture " + file);
  struct stat facts {};
  if (fstat(input.get(), &facts) != 0) return fail_errno(errno, "cannot read capture " + file);
  if (S_ISDIR(facts.st_mode)) return fail(ErrorCode::kInvalidArgument, file + " is a directory, not a capture");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(errno, "cannot make a pipe");
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t child = fork();
  if (child < 0) return fail_errno(errno, "cannot start a process to read " + file);
  if (child == 0) {
    read_end.reset();
    run_capture_child(input.release(), write_end.release());
  }
  const std::uint64_t size = S_ISREG(facts.st_mode) ? static_cast<std::uint64_t>(facts.st_size) : 0;
  return std::unique_ptr<Capture>(new Capture(child, std::move(read_end), size, file));
}

Capture::~Capture() {
  pipe_.reset();
  ::kill(child_, SIGKILL);
  while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Status Capture::read_exactly(void* to, std::size_t size) {
  auto* at = static_cast<std::byte*>(to);
  while (size > 0) {
    if (used_ == buffer_.size()) {
      buffer_.resize(kBuffer);
      const ssize_t got = ::read(pipe_.get(), buffer_.data(), buffer_.size());
      buffer_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
      used_ = 0;
      if (got < 0 && errno == EINTR) return fail(ErrorCode::kUnavailable, "interrupted");
      if (got <= 0) return fail(ErrorCode::kInternal, name_ + ": the process that reads it died");
    }
    const std::size_t step = std::min(size, buffer_.size() - used_);
    std::memcpy(at, buffer_.data() + used_, step);
    used_ += step;
    at += step;
    size -= step;
  }
  return {};
}

Result<std::optional<Captured>> Capture::next() {
  Record record;
  TIDEGATE_TRY(read_exactly(&record, sizeof record));
  if (record.length > kLongestRecord)
    return fail(ErrorCode::kInternal, name_ + ": the process that reads it is damaged");
  Captured captured{std::vector<std::byte>(record.length), std::chrono::nanoseconds(record.when_ns), record.offset};
  TIDEGATE_TRY(read_exactly(captured.frame.data(), captured.frame.size()));
  if (record.kind == RecordKind::kEnd) return std::nullopt;
  if (record.kind == RecordKind::kError) {
    const std::string text(reinterpret_cast<const char*>(captured.frame.data()), captured.frame.size());
    return fail(ErrorCode::kInvalidArgument, name_ + ": " + text);
  }
  return captured;
}

}  // namespace tidegate::cli
