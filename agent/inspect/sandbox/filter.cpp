// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/sandbox/filter.hpp"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <memory>

namespace tidegate::inspect::sandbox {
namespace {

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

// Reading what is open, waiting, memory, time: nothing of it reaches beyond the process.
constexpr std::initializer_list<int> kHarmless{
    // descriptors that are there
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(accept4),
    SCMP_SYS(getsockopt), SCMP_SYS(fstat), SCMP_SYS(lseek),
    // waiting
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(futex),
    SCMP_SYS(sched_yield), SCMP_SYS(restart_syscall),
    // memory
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mlock), SCMP_SYS(mlock2),
    SCMP_SYS(munlock),
    // time, chance, itself
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom),
    SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getrusage), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(exit), SCMP_SYS(exit_group)};

// Libraries ask for files in passing and go on without them.
constexpr std::initializer_list<int> kAnsweredWithNo{
    SCMP_SYS(open),  SCMP_SYS(openat),     SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(stat),
    SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),  SCMP_SYS(readlink),  SCMP_SYS(readlinkat)};

// No file enters memory, and nothing that was written becomes code.
int allow_memory(scmp_filter_ctx context) {
  const scmp_arg_cmp not_executable = SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
  const scmp_arg_cmp anonymous = SCMP_A3_64(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS);
  const int mapped = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, not_executable, anonymous);
  if (mapped != 0) return mapped;
  return seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_executable);
}

// Every descriptor below 4096 but the channel may be closed: what differs from its number in some bit. (SCMP_CMP_NE
// lets a number pass whose upper 32 bits are set, which the kernel does not look at.) The one bit in which the feed
// differs from it is not asked for.
int allow_closing_others(scmp_filter_ctx context, int channel, int feed) {
  constexpr unsigned kBits = 12;
  constexpr std::uint64_t kUpper = ~((std::uint64_t{1} << kBits) - 1);
  for (unsigned i = 0; i < kBits; ++i) {
    const std::uint64_t bit = std::uint64_t{1} << i;
    if (feed >= 0 && (static_cast<std::uint64_t>(channel ^ feed) & bit) != 0) continue;
    const std::uint64_t other = ~static_cast<std::uint64_t>(channel) & bit;
    const scmp_arg_cmp differs = SCMP_A0_64(SCMP_CMP_MASKED_EQ, kUpper | bit, other);
    if (const int error = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(close), 1, differs); error != 0) {
      return error;
    }
  }
  return 0;
}

int allow_sending(scmp_filter_ctx context, int descriptor) {
  const scmp_arg_cmp is_it = SCMP_A0_64(SCMP_CMP_EQ, static_cast<std::uint64_t>(descriptor));
  return seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(sendmsg), 1, is_it);
}

// The numbers of channel and feed never mean anything else: they can be neither closed nor replaced.
int allow_channel(scmp_filter_ctx context, int channel, int feed) {
  if (const int error = allow_sending(context, channel); error != 0) return error;
  const int error = feed < 0 ? 0 : allow_sending(context, feed);
  return error != 0 ? error : allow_closing_others(context, channel, feed);
}

int allow_all(scmp_filter_ctx context, int channel, int feed) {
  for (const int call : kHarmless) {
    if (const int error = seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 0); error != 0) return error;
  }
  for (const int call : kAnsweredWithNo) {
    if (const int error = seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), call, 0); error != 0) return error;
  }
  if (const int error = allow_memory(context); error != 0) return error;
  // fdopen() asks how a descriptor was opened.
  const scmp_arg_cmp asks_flags = SCMP_A1_32(SCMP_CMP_EQ, F_GETFL);
  if (const int error = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, asks_flags); error != 0) {
    return error;
  }
  return allow_channel(context, channel, feed);
}

}  // namespace

Status load_filter(int channel, int feed) {
  if (feed >= 0 && !std::has_single_bit(static_cast<unsigned>(channel ^ feed))) {
    return fail(ErrorCode::kInternal, "channel and feed of the inspector have numbers that cannot be told from others");
  }
  const Context context(seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (!context) return fail(ErrorCode::kInternal, "cannot prepare the system call filter of the inspector");
  int error = seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (error == 0) error = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (error == 0) error = allow_all(context.get(), channel, feed);
  if (error == 0) error = seccomp_load(context.get());
  if (error != 0) return fail_errno(-error, "cannot load the system call filter of the inspector");
  return {};
}

}  // namespace tidegate::inspect::sandbox
