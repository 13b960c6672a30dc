// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/pins.hpp"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "agent/base/remedy.hpp"

namespace tidegate::kernel {
namespace {

constexpr std::string_view kMayWrite =
    "let tidegated's user own the directory (the unit of systemd does), or set another pin_dir";
constexpr std::string_view kLinkPrefix = "link_";
constexpr std::string_view kStaging = "next";

Status make_directory(const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (!error && (mkdir(path.c_str(), S_IRWXU) == 0 || errno == EEXIST)) return {};
  return with_remedy(
      fail_errno(error ? error.value() : errno, fmt::format("cannot make pin directory {}", path.string())), kMayWrite);
}

Result<UniqueFd> lock_directory(const std::filesystem::path& path) {
  UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    return with_remedy(fail_errno(errno, fmt::format("cannot open pin directory {}", path.string())), kMayWrite);
  }
  if (flock(directory.get(), LOCK_EX | LOCK_NB) == 0) return directory;
  if (errno != EWOULDBLOCK) {
    return with_remedy(fail_errno(errno, fmt::format("cannot lock pin directory {}", path.string())), kMayWrite);
  }
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("another tidegated runs on pin directory {}: stop it, or give this one a pin_dir of its own",
                          path.string()));
}

Status pin_at(int fd, const std::filesystem::path& file) {
  if (bpf_obj_pin(fd, file.c_str()) == 0) return {};
  return with_remedy(fail_errno(errno, fmt::format("cannot pin {}", file.string())), kMayWrite);
}

}  // namespace

Result<PinDirectory> PinDirectory::lock(const std::filesystem::path& path) {
  TIDEGATE_TRY(make_directory(path));
  TIDEGATE_ASSIGN(UniqueFd lock, lock_directory(path));
  return PinDirectory(path, std::move(lock));
}

std::vector<std::string> PinDirectory::names() const {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(path_, error), end; !error && at != end; at.increment(error)) {
    if (!at->is_directory(error)) names.push_back(at->path().filename().string());
  }
  return names;
}

bool PinDirectory::has(std::string_view name) const {
  return faccessat(AT_FDCWD, (path_ / name).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

UniqueFd PinDirectory::get(std::string_view name) const { return UniqueFd(bpf_obj_get((path_ / name).c_str())); }

Status PinDirectory::pin(int fd, std::string_view name) const { return pin_at(fd, path_ / name); }

void PinDirectory::unpin(std::string_view name) const { unlink((path_ / name).c_str()); }

Result<bool> PinDirectory::recover() {
  struct stat locked {};
  struct stat present {};
  const bool same = fstat(lock_.get(), &locked) == 0 && stat(path_.c_str(), &present) == 0 &&
                    locked.st_ino == present.st_ino && locked.st_dev == present.st_dev;
  if (same) return false;
  TIDEGATE_TRY(make_directory(path_));
  TIDEGATE_ASSIGN(lock_, lock_directory(path_));
  return true;
}

std::filesystem::path PinDirectory::staging() const { return path_ / kStaging; }

Status PinDirectory::make_staging() const {
  remove_staging();
  return make_directory(staging());
}

Status PinDirectory::pin_staged(int fd, std::string_view name) const { return pin_at(fd, staging() / name); }

Status PinDirectory::promote(std::string_view name) const {
  if (rename((staging() / name).c_str(), (path_ / name).c_str()) == 0) return {};
  return fail_errno(errno, fmt::format("cannot move pin {} to {}", (staging() / name).string(), path_.string()));
}

void PinDirectory::remove_staging() const {
  std::error_code ignored;
  std::filesystem::remove_all(staging(), ignored);
}

std::string link_pin_name(std::string_view interface) {
  std::string name(kLinkPrefix);
  for (const char c : interface) {
    if (c == '.' || c == '%') {
      name += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      name += c;
    }
  }
  return name;
}

std::optional<std::string> interface_of_link_pin(std::string_view pin) {
  if (!pin.starts_with(kLinkPrefix)) return std::nullopt;
  pin.remove_prefix(kLinkPrefix.size());
  std::string interface;
  for (std::size_t at = 0; at < pin.size(); ++at) {
    if (pin.substr(at, 3) == "%2E") {
      interface += '.';
      at += 2;
    } else if (pin.substr(at, 3) == "%25") {
      interface += '%';
      at += 2;
    } else {
      interface += pin[at];
    }
  }
  return interface;
}

}  // namespace tidegate::kernel
