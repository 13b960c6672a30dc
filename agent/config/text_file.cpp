// SPDX-License-Identifier: Apache-2.0
#include "agent/config/text_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "agent/base/remedy.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate::config {
namespace {

constexpr int kPipeTimeoutMs = 10'000;

// `policy check <(generate)` names a pipe, whose writer may take its time.
bool wait_for_input(int fd) {
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, kPipeTimeoutMs) > 0;
}

Result<std::string> read_all(int fd, const std::string& name, std::size_t most) {
  std::string text;
  std::array<char, 65536> chunk;
  while (true) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_input(fd)))) continue;
    if (got < 0) return fail_errno(errno, "cannot read " + name);
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
    if (text.size() > most) {
      return fail(ErrorCode::kInvalidArgument,
                  name + " is larger than " + std::to_string(most) + " bytes; use a smaller file");
    }
  }
}

}  // namespace

Result<std::string> read_text_file(const std::filesystem::path& file, std::size_t most) {
  if (file == "-") return read_all(STDIN_FILENO, "standard input", most);
  // Without O_NONBLOCK a FIFO under this name would hold the agent at start.
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return with_remedy(fail_errno(errno, "cannot open " + file.string()), "correct its path or permissions");
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, "cannot read " + file.string());
  if (S_ISDIR(status.st_mode)) return fail(ErrorCode::kInvalidArgument, file.string() + " is a directory; name a file");
  return read_all(fd.get(), file.string(), most);
}

}  // namespace tidegate::config
