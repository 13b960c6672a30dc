// SPDX-License-Identifier: Apache-2.0
#include "agent/history/state.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace tidegate::history {
namespace {

Status make_directory(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory.parent_path(), error);
  if (::mkdir(directory.c_str(), 0700) == 0) return {};
  if (errno == EEXIST && std::filesystem::is_directory(directory, error)) return {};
  const int cause = errno == EEXIST ? ENOTDIR : errno;
  auto failure = fail_errno(cause, "cannot make the state directory " + directory.string());
  failure.error().message += "; make it by hand or set state_dir in tidegate.yaml";
  return failure;
}

std::string holder_of(int fd) {
  std::array<char, 16> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  const bool digits = !pid.empty() && pid.find_first_not_of("0123456789") == pid.npos;
  return digits ? "the tidegated with pid " + pid : "another tidegated";
}

Status write_pid(int fd, const std::filesystem::path& file) {
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return fail_errno(errno, "cannot write " + file.string());
  }
  return {};
}

Result<UniqueFd> lock_directory(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "lock";
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    auto failure = fail_errno(errno, "cannot write in the state directory: " + file.string());
    failure.error().message += "; make it writable for the user that runs tidegated, or set state_dir in tidegate.yaml";
    return failure;
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, "cannot lock " + file.string());
    return fail(ErrorCode::kFailedPrecondition, "the state directory " + directory.string() + " is in use by " +
                                                    holder_of(fd.get()) +
                                                    "; stop that one or give this one another state_dir");
  }
  TIDEGATE_TRY(write_pid(fd.get(), file));
  return fd;
}

}  // namespace

Result<State> State::open(const std::filesystem::path& directory, const Clock& clock) {
  State state;
  state.directory_ = directory;
  TIDEGATE_TRY(make_directory(directory));
  TIDEGATE_ASSIGN(state.lock_, lock_directory(directory));
  TIDEGATE_ASSIGN(state.decisions_, decisions::Store::open(directory / "decisions.db", clock));
  TIDEGATE_ASSIGN(state.safelist_, decisions::SafelistStore::open(directory / "decisions.db", clock));
  TIDEGATE_ASSIGN(state.history_, History::open(directory / "history.db", clock));
  return state;
}

}  // namespace tidegate::history
