// SPDX-License-Identifier: Apache-2.0
// What a compromised inspector might try, and must not be able to do.
#pragma once

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <span>

#include "tests/unit/inspect/sandbox/prisoner.hpp"

namespace tidegate::inspect::sandbox {

struct Escape {
  const char* name;
  std::function<long()> attempt;
};

// Ways to send `frame` with, or to turn into something else, the descriptor `fd` (a packet socket, or any other).
inline std::vector<Escape> escapes_with(int fd, std::span<const std::byte> frame) {
  static iovec part;
  static msghdr message;
  static mmsghdr many;
  static sockaddr_ll address;
  static tpacket_req3 ring;
  static ifreq request;
  part = {const_cast<std::byte*>(frame.data()), frame.size()};
  message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  many = {message, 0};
  address = {};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = 1;
  ring = {};
  ring.tp_block_size = 1 << 16;
  ring.tp_block_nr = 1;
  ring.tp_frame_size = 2048;
  ring.tp_frame_nr = 32;
  static sock_filter accept_all = BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
  static sock_fprog program = {1, &accept_all};
  return {
      {"write", [=] { return write(fd, frame.data(), frame.size()); }},
      {"writev", [=] { return writev(fd, &part, 1); }},
      {"pwrite", [=] { return pwrite(fd, frame.data(), frame.size(), 0); }},
      {"pwritev2", [=] { return pwritev2(fd, &part, 1, -1, 0); }},
      {"send", [=] { return send(fd, frame.data(), frame.size(), 0); }},
      {"sendto",
       [=] {
         return sendto(fd, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&address), sizeof address);
       }},
      {"sendmsg", [=] { return sendmsg(fd, &message, 0); }},
      {"sendmsg, number in 64 bits",
       [=] { return syscall(SYS_sendmsg, (1ULL << 32) | static_cast<unsigned>(fd), &message, 0); }},
      {"sendmmsg", [=] { return sendmmsg(fd, &many, 1, 0); }},
      {"sendfile", [=] { return sendfile(fd, 0, nullptr, 64); }},
      {"splice", [=] { return splice(0, nullptr, fd, nullptr, 64, 0); }},
      {"vmsplice", [=] { return vmsplice(fd, &part, 1, 0); }},
      {"PACKET_TX_RING", [=] { return setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &ring, sizeof ring); }},
      {"SO_ATTACH_FILTER", [=] { return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program); }},
      {"bind", [=] { return bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address); }},
      {"connect", [=] { return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address); }},
      {"listen", [=] { return listen(fd, 1); }},
      {"ioctl", [=] { return ioctl(fd, SIOCGIFFLAGS, &request); }},
      {"dup", [=] { return dup(fd); }},
      {"dup2", [=] { return dup2(fd, 3); }},
      {"dup3", [=] { return dup3(fd, 3, O_CLOEXEC); }},
      {"F_DUPFD", [=] { return fcntl(fd, F_DUPFD, 100); }},
      {"F_SETOWN", [=] { return fcntl(fd, F_SETOWN, 1); }},
      {"mmap of the descriptor",
       [=] { return reinterpret_cast<long>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)); }},
  };
}

// Ways out of the process.
inline std::vector<Escape> escapes() {
  static std::array<std::byte, 256> room{};
  static const char* const kNothing[] = {nullptr};
  static iovec part{room.data(), room.size()};
  const auto call = [](auto... arguments) { return [=] { return syscall(arguments...); }; };
  return {
      {"socket", [] { return socket(AF_INET, SOCK_STREAM, 0); }},
      {"socketpair", [] { return socketpair(AF_UNIX, SOCK_STREAM, 0, reinterpret_cast<int*>(room.data())); }},
      {"pipe", [] { return pipe(reinterpret_cast<int*>(room.data())); }},
      {"open", [] { return syscall(SYS_open, "/etc/passwd", O_RDONLY); }},
      {"openat", [] { return open("/etc/passwd", O_RDONLY); }},
      {"openat2", call(SYS_openat2, AT_FDCWD, "/etc/passwd", room.data(), 24)},
      {"open_by_handle_at", call(SYS_open_by_handle_at, AT_FDCWD, room.data(), 0)},
      {"stat", call(SYS_newfstatat, AT_FDCWD, "/etc/passwd", room.data(), 0)},
      {"unlink", [] { return unlink("/tmp/nothing-of-this-name"); }},
      {"execve", [] { return execve("/bin/true", const_cast<char**>(kNothing), const_cast<char**>(kNothing)); }},
      {"execveat", call(SYS_execveat, 0, "", kNothing, kNothing, AT_EMPTY_PATH)},
      {"fork", call(SYS_fork)},
      {"vfork", call(SYS_vfork)},
      {"clone", call(SYS_clone, SIGCHLD, 0, 0, 0, 0)},
      {"clone of a thread", call(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0)},
      {"clone3", call(SYS_clone3, room.data(), 64)},
      {"ptrace", [] { return ptrace(PTRACE_ATTACH, getppid(), nullptr, nullptr); }},
      {"process_vm_readv", [] { return process_vm_readv(getpid(), &part, 1, &part, 1, 0); }},
      {"process_vm_writev", [] { return process_vm_writev(getpid(), &part, 1, &part, 1, 0); }},
      {"pidfd_open", call(SYS_pidfd_open, 1, 0)},
      {"pidfd_getfd", call(SYS_pidfd_getfd, 0, 0, 0)},
      {"bpf", call(SYS_bpf, 0, room.data(), 72)},
      {"perf_event_open", call(SYS_perf_event_open, room.data(), 0, -1, -1, 0)},
      {"keyctl", call(SYS_keyctl, 0, 0, 0, 0, 0)},
      {"add_key", call(SYS_add_key, "user", "x", "y", 1, -2)},
      {"io_uring_setup", call(SYS_io_uring_setup, 8, room.data())},
      {"userfaultfd", call(SYS_userfaultfd, 0)},
      {"memfd_create", call(SYS_memfd_create, "x", 0)},
      {"unshare", [] { return unshare(CLONE_NEWUSER); }},
      {"setns", [] { return setns(0, 0); }},
      {"mount", call(SYS_mount, "none", "/tmp", "tmpfs", 0, nullptr)},
      {"chroot", [] { return chroot("/"); }},
      {"setuid", [] { return setuid(0); }},
      {"capset", call(SYS_capset, room.data(), nullptr)},
      {"kill", [] { return kill(getppid(), 0); }},
      {"kill of its own group", [] { return kill(0, 0); }},
      {"tgkill", call(SYS_tgkill, 1, 1, 0)},
      {"rt_sigqueueinfo", call(SYS_rt_sigqueueinfo, 1, 0, room.data())},
      {"PR_SET_DUMPABLE", [] { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }},
      {"PR_SET_SECCOMP", [] { return prctl(PR_SET_SECCOMP, 1, 0, 0, 0); }},
      {"setrlimit", call(SYS_setrlimit, 4, room.data())},
      {"prlimit", call(SYS_prlimit64, 0, 4, room.data(), nullptr)},
      {"executable memory",
       [] {
         return reinterpret_cast<long>(mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
       }},
      {"memory made executable",
       [] {
         return static_cast<long>(
             mprotect(reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(room.data()) & ~4095UL), 4096,
                      PROT_READ | PROT_WRITE | PROT_EXEC));
       }},
      {"shmget", call(SYS_shmget, 1, 4096, 0600 | 01000)},
      {"msgget", call(SYS_msgget, 1, 0600 | 01000)},
      {"close_range", call(SYS_close_range, 3, ~0U, 0)},
  };
}

}  // namespace tidegate::inspect::sandbox
