// SPDX-License-Identifier: Apache-2.0
#include "agent/api/listener.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>

#include "agent/base/unix_socket.hpp"

namespace tidegate::api {
namespace {

class ListenerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "tg-listener-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path socket() const { return directory_ / "agent.sock"; }
  Result<Listener> open() const { return Listener::open({.path = socket(), .mode = 0660, .group = {}}); }

  std::filesystem::path directory_;
};

UniqueFd bind_plain(const std::filesystem::path& path, bool listening) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  if (listening) {
    EXPECT_EQ(::listen(fd.get(), 1), 0);
  }
  return fd;
}

TEST_F(ListenerTest, SocketHasModeAndGoesAway) {
  {
    const auto listener = open();
    ASSERT_TRUE(listener) << listener.error().message;
    struct stat what {};
    ASSERT_EQ(::stat(socket().c_str(), &what), 0);
    EXPECT_EQ(what.st_mode & 07777U, 0660U);
  }
  EXPECT_FALSE(std::filesystem::exists(socket()));
}

TEST_F(ListenerTest, SecondAgentIsRefused) {
  const auto first = open();
  ASSERT_TRUE(first);
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kAlreadyExists);
  EXPECT_NE(second.error().message.find("another agent"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(socket())) << "the refused one must not take the socket away";
}

TEST_F(ListenerTest, StaleSocketIsReplaced) {
  bind_plain(socket(), false).reset();
  ASSERT_TRUE(std::filesystem::exists(socket()));
  EXPECT_TRUE(open());
}

TEST_F(ListenerTest, ForeignProgramIsNotDisturbed) {
  const UniqueFd other = bind_plain(socket(), true);
  const auto listener = open();
  ASSERT_FALSE(listener);
  EXPECT_NE(listener.error().message.find("another program"), std::string::npos);
}

TEST_F(ListenerTest, FileInTheWayIsKept) {
  std::ofstream(socket()) << "precious";
  const auto listener = open();
  ASSERT_FALSE(listener);
  EXPECT_NE(listener.error().message.find("no socket"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(socket()), 8U);
}

TEST_F(ListenerTest, MissingDirectoryAndLongPathAreNamed) {
  const auto missing = Listener::open({.path = directory_ / "none" / "a.sock", .mode = 0660, .group = {}});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("directory"), std::string::npos);
  EXPECT_FALSE(Listener::open({.path = directory_ / std::string(120, 'x'), .mode = 0660, .group = {}}));
  const auto unbound = bind_unix_socket({.path = directory_ / "none" / "b.sock", .mode = 0600});
  ASSERT_FALSE(unbound);
  EXPECT_NE(unbound.error().message.find("or set another `"), std::string::npos) << unbound.error().message;
}

}  // namespace
}  // namespace tidegate::api
