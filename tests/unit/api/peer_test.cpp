// SPDX-License-Identifier: Apache-2.0
#include "agent/api/peer.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/base/unique_fd.hpp"

namespace tidegate::api {
namespace {

TEST(Peer, CredentialsComeFromTheKernel) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd left(ends[0]);
  const UniqueFd right(ends[1]);
  const auto peer = peer_of(left.get());
  ASSERT_TRUE(peer) << peer.error().message;
  EXPECT_EQ(peer->uid, ::geteuid());
  EXPECT_EQ(peer->gid, ::getegid());
  EXPECT_EQ(peer->groups.size(), static_cast<std::size_t>(::getgroups(0, nullptr)));
}

TEST(Peer, NoSocketIsAnError) { EXPECT_FALSE(peer_of(-1)); }

TEST(Admission, RootTheAgentAndTheGroupMayEnter) {
  const Admission admission(900, 901);
  EXPECT_TRUE(admission.admits({.uid = 0, .gid = 0, .groups = {}}));
  EXPECT_TRUE(admission.admits({.uid = 900, .gid = 900, .groups = {}}));
  EXPECT_TRUE(admission.admits({.uid = 1000, .gid = 901, .groups = {}}));
  EXPECT_TRUE(admission.admits({.uid = 1000, .gid = 1000, .groups = {27, 901}}));
}

TEST(Admission, NobodyElseMay) {
  EXPECT_FALSE(Admission(900, 901).admits({.uid = 1000, .gid = 1000, .groups = {27}}));
  EXPECT_FALSE(Admission(900, std::nullopt).admits({.uid = 1000, .gid = 900, .groups = {901}}));
}

TEST(Admission, ActorIsTheUserId) { EXPECT_EQ(actor_of({.uid = 1000, .gid = 5, .groups = {}}), "uid:1000"); }

}  // namespace
}  // namespace tidegate::api
