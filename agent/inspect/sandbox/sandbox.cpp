// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/sandbox/sandbox.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "agent/base/unique_fd.hpp"
#include "agent/inspect/sandbox/filter.hpp"
#include "agent/inspect/sandbox/landlock.hpp"

namespace tidegate::inspect::sandbox {
namespace {

constexpr unsigned kNobody = 65534;
constexpr unsigned kStandard = 3;  // input, output and error output

Status bound(int resource, rlim_t most) {
  const rlimit limit{most, most};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) {
    return fail_errno(errno, "cannot bound the inspector's resources");
  }
  return {};
}

// What libraries might print to must not become another descriptor.
Status standard_to_null() {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return fail_errno(errno, "cannot open /dev/null");
  for (int fd = 0; fd < static_cast<int>(kStandard); ++fd) {
    if (dup2(null.get(), fd) < 0) return fail_errno(errno, "cannot replace the inspector's standard descriptors");
  }
  return {};
}

// Started by root it becomes nobody. Without the right to change the user, as under a service manager that grants
// little, it stays who it is.
void become_nobody() {
  if (geteuid() != 0) return;
  if (setgroups(0, nullptr) == 0 && setresgid(kNobody, kNobody, kNobody) == 0) {
    static_cast<void>(setresuid(kNobody, kNobody, kNobody));
  }
}

// Where allowed; the other sets are what counts.
void empty_bounding_set() {
  for (unsigned long capability = 0; capability < 64; ++capability) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

bool drop_capabilities() {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, 2> none{};
  return syscall(SYS_capset, &header, none.data()) == 0;
}

bool forbid_dumps() { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0; }

}  // namespace

Status isolate(const std::vector<int>& keep) {
  if (!forbid_dumps()) return fail_errno(errno, "cannot forbid dumps of the inspector");
  TIDEGATE_TRY(bound(RLIMIT_CORE, 0));
  TIDEGATE_TRY(standard_to_null());
  TIDEGATE_TRY(close_others(keep));
  umask(0777);
  if (chdir("/") != 0) return fail_errno(errno, "cannot change to /");
  return {};
}

Status close_others(std::vector<int> keep) {
  std::ranges::sort(keep);
  unsigned next = kStandard;
  for (const int fd : keep) {
    const auto number = static_cast<unsigned>(fd);
    if (number > next && close_range(next, number - 1, 0) != 0) return fail_errno(errno, "cannot close descriptors");
    next = std::max(next, number + 1);
  }
  if (close_range(next, ~0U, 0) != 0) return fail_errno(errno, "cannot close descriptors");
  return {};
}

Status drop_privileges(unsigned descriptors, Facts& facts) {
  empty_bounding_set();
  become_nobody();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno(errno, "cannot forbid new privileges");
  facts.no_capabilities = drop_capabilities();
  if (!facts.no_capabilities) return fail_errno(errno, "cannot give up the inspector's capabilities");
  // A change of user forgets both.
  facts.no_dump = forbid_dumps();
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    return fail_errno(errno, "cannot bind the inspector to its parent");
  TIDEGATE_TRY(bound(RLIMIT_NOFILE, descriptors));
  TIDEGATE_TRY(bound(RLIMIT_FSIZE, 0));
  TIDEGATE_TRY(bound(RLIMIT_MSGQUEUE, 0));
  facts.landlock = forbid_file_system();
  return {};
}

Status seal(int channel, Facts& facts, int feed) {
  TIDEGATE_TRY(bound(RLIMIT_NPROC, 0));
  TIDEGATE_TRY(load_filter(channel, feed));
  facts.filter = true;
  return {};
}

}  // namespace tidegate::inspect::sandbox
