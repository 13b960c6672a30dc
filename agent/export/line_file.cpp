// SPDX-License-Identifier: Apache-2.0
#include "agent/export/line_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace tidegate::exports {
namespace {

constexpr mode_t kMode = 0640;

Error error_of(const std::filesystem::path& path, int error) {
  return fail_errno(error, "exports: cannot write " + path.string()).error();
}

}  // namespace

bool LineFile::is_current() const {
  struct stat open {};
  struct stat named {};
  return fd_ && ::fstat(fd_.get(), &open) == 0 && ::stat(path_.c_str(), &named) == 0 && open.st_dev == named.st_dev &&
         open.st_ino == named.st_ino;
}

// Not blocking: a FIFO without a reader would hold the thread. A new file is for the group as well, whatever the umask
// of the unit: log shippers are in it.
Status LineFile::open_again() {
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  fd_ = UniqueFd(::open(path_.c_str(), kFlags | O_EXCL, kMode));
  if (fd_) {
    (void)::fchmod(fd_.get(), kMode);
  } else if (errno == EEXIST) {
    fd_ = UniqueFd(::open(path_.c_str(), kFlags, kMode));
  }
  if (!fd_) return std::unexpected(error_of(path_, errno));
  struct stat facts {};
  if (::fstat(fd_.get(), &facts) != 0) return std::unexpected(error_of(path_, errno));
  if (!S_ISREG(facts.st_mode)) {
    fd_.reset();
    return fail(ErrorCode::kInvalidArgument, "exports: " + path_.string() + " is not a regular file");
  }
  char last = '\n';
  const UniqueFd reader(facts.st_size > 0 ? ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1);
  if (reader) (void)!::pread(reader.get(), &last, 1, facts.st_size - 1);
  torn_ = last != '\n';
  return {};
}

Status LineFile::undo(std::size_t written, int error) {
  struct stat facts {};
  if (written > 0) {
    const auto size = static_cast<off_t>(written);
    torn_ =
        ::fstat(fd_.get(), &facts) != 0 || facts.st_size < size || ::ftruncate(fd_.get(), facts.st_size - size) != 0;
  }
  return std::unexpected(error_of(path_, error));
}

Status LineFile::append(std::string_view line) {
  if (!is_current()) TIDEGATE_TRY(open_again());
  buffer_.clear();
  if (torn_) buffer_ += '\n';
  buffer_ += line;
  buffer_ += '\n';
  ssize_t written;
  do {
    written = ::write(fd_.get(), buffer_.data(), buffer_.size());
  } while (written < 0 && errno == EINTR);
  if (written < 0) return std::unexpected(error_of(path_, errno));
  if (static_cast<std::size_t>(written) < buffer_.size()) return undo(static_cast<std::size_t>(written), ENOSPC);
  torn_ = false;
  return {};
}

}  // namespace tidegate::exports
