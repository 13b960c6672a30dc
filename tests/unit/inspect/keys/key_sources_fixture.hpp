// SPDX-License-Identifier: Apache-2.0
// Sources in a directory of their own, over a clock that stands still, and whoever connects to them.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "agent/inspect/keys/key_sources.hpp"
#include "tests/unit/inspect/keys/lines.hpp"

namespace tidegate::inspect {

using std::chrono::milliseconds;

class KeySourcesTest : public ::testing::Test {
 protected:
  KeySourcesTest() {
    std::string name = "/tmp/tidegate-keys-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~KeySourcesTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const char* name) const { return directory_ + '/' + name; }

  sockaddr_un address(const std::string& where) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    where.copy(address.sun_path, sizeof(address.sun_path) - 1);
    return address;
  }
  UniqueFd bound(int type) const {
    UniqueFd fd(::socket(AF_UNIX, type | SOCK_NONBLOCK, 0));
    const sockaddr_un where = address(path("keys.sock"));
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof(where)), 0);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(::listen(fd.get(), 512), 0);
    }
    return fd;
  }
  UniqueFd connected(int type) const {
    UniqueFd fd(::socket(AF_UNIX, type, 0));
    const sockaddr_un where = address(path("keys.sock"));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof(where)), 0);
    return fd;
  }
  void send(const UniqueFd& fd, std::string_view text) const {
    ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  static bool try_send(const UniqueFd& fd, std::string_view text) {
    return ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(text.size());
  }
  static bool is_closed(const UniqueFd& fd) {
    char byte;
    return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }
  // Whoever they are, they find the socket and may connect to it.
  void open_to_all() const {
    ::chmod(directory_.c_str(), 0755);
    ::chmod(path("keys.sock").c_str(), 0666);
  }
  UniqueFd connected_as(uid_t user, gid_t group, const std::vector<gid_t>& supplementary = {}) const {
    EXPECT_EQ(::setgroups(supplementary.size(), supplementary.data()), 0);
    EXPECT_EQ(::setegid(group), 0);
    EXPECT_EQ(::seteuid(user), 0);
    UniqueFd fd = connected(SOCK_STREAM);
    EXPECT_EQ(::seteuid(0), 0);
    EXPECT_EQ(::setegid(0), 0);
    EXPECT_EQ(::setgroups(0, nullptr), 0);
    return fd;
  }
  KeySourceFigures figures(KeySources& sources) const { return sources.figures().at(0); }

  std::string directory_;
  ManualClock clock_;
  Counters counters_;
  KeyStore keys_{{.sessions = 4096}, clock_};
};

}  // namespace tidegate::inspect
