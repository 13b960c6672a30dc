// SPDX-License-Identifier: Apache-2.0
// Part of a test in a process of its own: one that may be killed, drop privileges or mount something.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>

namespace tidegate::test {

// Runs `body` in a child; its failures are this test's.
inline void in_child(const std::function<void()>& body) {
  std::fflush(nullptr);
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    body();
    std::fflush(nullptr);
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child failed, status " << status;
}

// In a child: a tmpfs of `kib` over `directory`, seen by nobody else. False: not allowed here.
inline bool mount_small_disk(const std::filesystem::path& directory, unsigned kib) {
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  const std::string options = "size=" + std::to_string(kib) + "k,mode=0700";
  return mount("tmpfs", directory.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

inline bool may_mount() {
  const pid_t pid = fork();
  if (pid == 0) _exit(unshare(CLONE_NEWNS) == 0 ? 0 : 1);
  int status = 0;
  waitpid(pid, &status, 0);
  return status == 0;
}

}  // namespace tidegate::test
