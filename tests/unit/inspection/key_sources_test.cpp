// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/key_sources.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>

namespace tidegate::inspection {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = inspect::wire::KeySource::Kind;

class KeySourcesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "tg-keys-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path at(const std::string& name) const { return directory_ / name; }
  config::KeySettings no_socket() const {
    config::KeySettings settings;
    settings.socket.reset();
    return settings;
  }
  config::KeySettings with_socket(const std::string& group = own_group()) const {
    config::KeySettings settings;
    settings.socket = {.path = at("keys.sock"), .group = group};
    return settings;
  }
  static std::string own_group() { return ::getgrgid(::getegid())->gr_name; }
  unsigned mode_of(const std::string& name) const {
    struct stat what {};
    EXPECT_EQ(::stat(at(name).c_str(), &what), 0);
    return what.st_mode & 07777U;
  }
  int connect_to(const std::string& name, int type) const {
    const UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, at(name).c_str(), sizeof address.sun_path - 1);
    return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(at(name)) << text; }

  std::filesystem::path directory_;
};

TEST_F(KeySourcesTest, TheSocketIsForItsGroupAndGoesAway) {
  {
    KeySources sources(with_socket());
    ASSERT_THAT(sources.refresh(), SizeIs(1));
    EXPECT_EQ(sources.entries()[0].problem, "");
    EXPECT_EQ(mode_of("keys.sock"), 0660U);
    EXPECT_EQ(connect_to("keys.sock", SOCK_STREAM), 0);
    const auto described = sources.describe(sources.entries()[0]);
    EXPECT_EQ(described.kind, Kind::kListenStream);
    EXPECT_EQ(described.allowed_group, ::getegid());
    EXPECT_NE(described.id, kPublishId);
    EXPECT_THAT(sources.refresh(), IsEmpty()) << "nothing changed";
  }
  EXPECT_FALSE(std::filesystem::exists(at("keys.sock")));
}

TEST_F(KeySourcesTest, WithoutTheGroupOnlyRootSendsAndThatIsSaid) {
  KeySources sources(with_socket("no-such-group-here"));
  ASSERT_THAT(sources.refresh(), SizeIs(1));
  EXPECT_THAT(sources.entries()[0].problem, HasSubstr("there is no group no-such-group-here, so only root"));
  EXPECT_EQ(mode_of("keys.sock"), 0600U);
  EXPECT_FALSE(sources.describe(sources.entries()[0]).allowed_group);
}

TEST_F(KeySourcesTest, AGroupThatIsMadeLaterMaySendFromThenOn) {
  bool made = false;
  auto settings = with_socket("late");
  settings.fifos = {at("fifo")};
  KeySources sources(settings, [&](const std::string& name) {
    return made ? KeyGroup{name, ::getegid(), {}} : KeyGroup{name, std::nullopt, "there is no group " + name};
  });
  ASSERT_THAT(sources.refresh(), SizeIs(2));
  EXPECT_THAT(sources.refresh(), IsEmpty()) << "still none";
  EXPECT_EQ(sources.entries()[0].problem, "there is no group late");
  made = true;
  EXPECT_THAT(sources.refresh(), SizeIs(2)) << "the inspector is told who may send";
  EXPECT_EQ(sources.entries()[0].problem, "");
  EXPECT_EQ(sources.entries()[1].problem, "");
  EXPECT_EQ(mode_of("keys.sock"), 0660U);
  EXPECT_EQ(mode_of("fifo"), 0620U);
  EXPECT_EQ(sources.describe(sources.entries()[0]).allowed_group, ::getegid());
  EXPECT_THAT(sources.refresh(), IsEmpty());
}

TEST_F(KeySourcesTest, AStaleSocketIsReplacedAServedOneIsNot) {
  {
    UniqueFd stale(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, at("keys.sock").c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(stale.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  KeySources first(with_socket());
  ASSERT_THAT(first.refresh(), SizeIs(1));
  KeySources second(with_socket());
  EXPECT_THAT(second.refresh(), IsEmpty());
  EXPECT_THAT(second.entries()[0].problem, HasSubstr("another program serves it"));
  second.close();
  EXPECT_EQ(connect_to("keys.sock", SOCK_STREAM), 0) << "the other's socket stays";
}

TEST_F(KeySourcesTest, AFileInPlaceOfTheSocketIsLeftAlone) {
  write("keys.sock", "precious");
  KeySources sources(with_socket());
  EXPECT_THAT(sources.refresh(), IsEmpty());
  EXPECT_THAT(sources.entries()[0].problem, HasSubstr("a file that is no socket lies there"));
  EXPECT_TRUE(std::filesystem::is_regular_file(at("keys.sock")));
}

TEST_F(KeySourcesTest, ASocketThatWasRemovedComesBack) {
  KeySources sources(with_socket());
  sources.refresh();
  std::filesystem::remove(at("keys.sock"));
  EXPECT_THAT(sources.refresh(), SizeIs(1));
  EXPECT_EQ(connect_to("keys.sock", SOCK_STREAM), 0);
}

TEST_F(KeySourcesTest, FifosAreMadeAndHaveNoEnd) {
  auto settings = with_socket();
  settings.fifos = {at("fifo")};
  KeySources sources(settings);
  ASSERT_THAT(sources.refresh(), SizeIs(2));
  EXPECT_EQ(mode_of("fifo"), 0620U);
  const auto& entry = sources.entries()[1];
  EXPECT_EQ(entry.kind, Kind::kFifo);
  {
    const UniqueFd writer(::open(at("fifo").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(writer);
    ASSERT_EQ(::write(writer.get(), "x", 1), 1);
  }
  char buffer[4];
  EXPECT_EQ(::read(entry.fd.get(), buffer, sizeof buffer), 1);
  EXPECT_EQ(::read(entry.fd.get(), buffer, sizeof buffer), -1) << "no end after the writer has gone";
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(KeySourcesTest, AFifoOfAFormerRunIsUsedAgainAndGivenToItsGroup) {
  auto settings = with_socket("no-such-group-here");
  settings.fifos = {at("fifo")};
  { KeySources(settings).refresh(); }
  EXPECT_EQ(mode_of("fifo"), 0600U);
  const auto before = identity_of(at("fifo"));
  KeySources still_without(settings);
  ASSERT_THAT(still_without.refresh(), SizeIs(2));
  EXPECT_THAT(still_without.entries()[1].problem, HasSubstr("there is no group"))
      << "that nobody can write is said again";
  still_without.close();
  settings.socket->group = own_group();
  KeySources sources(settings);
  ASSERT_THAT(sources.refresh(), SizeIs(2));
  EXPECT_EQ(mode_of("fifo"), 0620U);
  EXPECT_EQ(identity_of(at("fifo")), before) << "its writers have it open";
}

TEST_F(KeySourcesTest, AFifoOfAnotherUserStaysAsItIs) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make files of others";
  ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
  ASSERT_EQ(::chown(at("fifo").c_str(), 65534, 65534), 0);
  auto settings = with_socket();
  settings.fifos = {at("fifo")};
  KeySources sources(settings);
  ASSERT_THAT(sources.refresh(), SizeIs(2));
  EXPECT_EQ(mode_of("fifo"), 0600U);
  EXPECT_EQ(sources.entries()[1].problem, "") << "its owner can write";
  ASSERT_EQ(::chmod(at("fifo").c_str(), 0400), 0);
  sources.lost(sources.entries()[1].id);
  ASSERT_THAT(sources.refresh(), SizeIs(1));
  EXPECT_THAT(sources.entries()[1].problem, HasSubstr("cannot write to it (chgrp"));
}

TEST_F(KeySourcesTest, SomethingElseThanAFifoIsRefused) {
  write("fifo", "");
  auto settings = no_socket();
  settings.fifos = {at("fifo")};
  KeySources sources(settings);
  EXPECT_THAT(sources.refresh(), IsEmpty());
  EXPECT_THAT(sources.entries()[0].problem, HasSubstr("something else lies there"));
  ASSERT_EQ(::unlink(at("fifo").c_str()), 0);
  ASSERT_EQ(::mkfifo(at("target").c_str(), 0600), 0);
  std::filesystem::create_symlink(at("target"), at("fifo"));
  EXPECT_THAT(sources.refresh(), IsEmpty()) << "a link in a directory of others leads nowhere";
}

TEST_F(KeySourcesTest, FilesAreFollowedThroughRotation) {
  auto settings = no_socket();
  settings.files = {at("keys.log")};
  KeySources sources(settings);
  EXPECT_THAT(sources.refresh(), IsEmpty());
  EXPECT_THAT(sources.entries()[0].problem, HasSubstr("keys.log")) << "it may come later";
  write("keys.log", "first\n");
  ASSERT_THAT(sources.refresh(), SizeIs(1));
  EXPECT_EQ(sources.entries()[0].problem, "");
  write("keys.log", "first\nsecond\n");
  EXPECT_THAT(sources.refresh(), IsEmpty()) << "it grows";
  std::filesystem::rename(at("keys.log"), at("keys.log.1"));
  EXPECT_THAT(sources.refresh(), IsEmpty()) << "its writer may still use the old one";
  EXPECT_TRUE(sources.entries()[0].fd);
  write("keys.log", "third\n");
  const auto opened = sources.refresh();
  ASSERT_THAT(opened, SizeIs(1));
  char buffer[16] = {};
  EXPECT_EQ(::read(opened[0]->fd.get(), buffer, sizeof buffer), 6);
  EXPECT_STREQ(buffer, "third\n");
}

TEST_F(KeySourcesTest, AFileThatIsNoneIsRefusedWithoutWaitingForIt) {
  ASSERT_EQ(::mkfifo(at("keys.log").c_str(), 0600), 0);
  auto settings = no_socket();
  settings.files = {at("keys.log")};
  KeySources sources(settings);
  EXPECT_THAT(sources.refresh(), IsEmpty());
  EXPECT_THAT(sources.entries()[0].problem, HasSubstr("something else lies there"));
}

TEST_F(KeySourcesTest, HaproxyLogTakesDatagrams) {
  auto settings = with_socket();
  settings.haproxy_log = {at("log.sock")};
  KeySources sources(settings);
  ASSERT_THAT(sources.refresh(), SizeIs(2));
  EXPECT_EQ(mode_of("log.sock"), 0660U);
  EXPECT_EQ(connect_to("log.sock", SOCK_DGRAM), 0);
  sources.lost(sources.entries()[1].id);
  EXPECT_FALSE(std::filesystem::exists(at("log.sock")));
  EXPECT_THAT(sources.refresh(), SizeIs(1)) << "what the inspector found ended is opened anew";
}

}  // namespace
}  // namespace tidegate::inspection
