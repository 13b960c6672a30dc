// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/privileges.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

namespace tidegate::kernel {
namespace {

struct Needed {
  unsigned number;
  const char* name;
  bool covered_by_sys_admin;
};
constexpr Needed kNeeded[] = {
    {CAP_BPF, "CAP_BPF", true}, {CAP_PERFMON, "CAP_PERFMON", true}, {CAP_NET_ADMIN, "CAP_NET_ADMIN", false}};

bool has(std::uint64_t effective, unsigned number) { return (effective >> number & 1) != 0; }

// Stops as well where it may not look: what is there is then for statfs to say.
std::filesystem::path nearest_existing(std::filesystem::path path) {
  struct stat info {};
  while (stat(path.c_str(), &info) != 0 && errno == ENOENT && path.has_relative_path()) path = path.parent_path();
  return path.empty() ? "." : path;
}

}  // namespace

std::uint64_t effective_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capget, &header, data) != 0) return 0;
  return static_cast<std::uint64_t>(data[1].effective) << 32 | data[0].effective;
}

Status check_capabilities(std::uint64_t effective) {
  std::vector<std::string> missing;
  for (const auto& needed : kNeeded) {
    const bool covered = needed.covered_by_sys_admin && has(effective, CAP_SYS_ADMIN);
    if (!has(effective, needed.number) && !covered) missing.emplace_back(needed.name);
  }
  if (missing.empty()) return {};
  return fail(ErrorCode::kPermissionDenied,
              fmt::format("cannot load the datapath without {}: run as root or through tidegated.service, which grants "
                          "CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_NET_RAW",
                          fmt::join(missing, ", ")));
}

Status check_bpf_filesystem(const std::filesystem::path& directory) {
  const auto existing = nearest_existing(directory);
  struct statfs info {};
  if (statfs(existing.c_str(), &info) != 0) {
    return fail_errno(errno, fmt::format("cannot reach pin directory {}", directory.string()));
  }
  if (static_cast<std::uint64_t>(info.f_type) != BPF_FS_MAGIC) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("pin directory {} is not on a bpf file system: mount one (mount -t bpf bpf /sys/fs/bpf) or "
                            "set pin_dir to a directory on one",
                            directory.string()));
  }
  for (const auto& component : directory.lexically_relative(existing)) {
    if (component != "." && component.string().find('.') != std::string::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("pin directory {} has a dot in \"{}\", which the bpf file system does not allow: choose "
                              "another pin_dir",
                              directory.string(), component.string()));
    }
  }
  return {};
}

Status check_btf(const std::filesystem::path& file) {
  if (access(file.c_str(), R_OK) == 0) return {};
  return fail(ErrorCode::kUnsupported,
              fmt::format("the kernel has no readable type information ({}): boot a kernel with CONFIG_DEBUG_INFO_BTF, "
                          "as every current distribution's is",
                          file.string()));
}

}  // namespace tidegate::kernel
