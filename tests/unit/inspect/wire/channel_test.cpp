// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/wire/channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace tidegate::inspect::wire {
namespace {

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() {
    auto ends = Channel::pair();
    agent_.emplace(std::move(ends->first));
    inspector_.emplace(std::move(ends->second));
  }
  std::optional<Channel> agent_;
  std::optional<Channel> inspector_;
  const std::vector<std::byte> message_ = encode(ToInspector(KeySourceRemoved{5}));
};

TEST_F(ChannelTest, OneMessageIsOneMessage) {
  ASSERT_TRUE(*agent_->send(message_, Wait::kNo));
  ASSERT_TRUE(*agent_->send(encode(ToInspector(Stop{})), Wait::kNo));
  const auto first = inspector_->receive(Wait::kYes);
  ASSERT_TRUE(first.has_value() && first->has_value());
  EXPECT_EQ(std::vector<std::byte>((*first)->message.begin(), (*first)->message.end()), message_);
  EXPECT_FALSE((*first)->descriptor);
  const auto second = inspector_->receive(Wait::kYes);
  EXPECT_TRUE(std::holds_alternative<Stop>(*decode_to_inspector((*second)->message)));
}

TEST_F(ChannelTest, NothingThereIsNoError) {
  const auto found = inspector_->receive(Wait::kNo);
  ASSERT_TRUE(found.has_value());
  EXPECT_FALSE(found->has_value());
}

TEST_F(ChannelTest, ADescriptorGoesAlong) {
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(pipe2(pipe_ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(pipe_ends[0]);
  UniqueFd write_end(pipe_ends[1]);
  ASSERT_TRUE(*agent_->send(message_, Wait::kNo, write_end.get()));
  write_end.reset();
  auto found = inspector_->receive(Wait::kYes);
  ASSERT_TRUE(found.has_value() && found->has_value());
  ASSERT_TRUE((*found)->descriptor);
  EXPECT_NE(fcntl((*found)->descriptor.get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_EQ(write((*found)->descriptor.get(), "x", 1), 1);
  char read_back = 0;
  EXPECT_EQ(read(read_end.get(), &read_back, 1), 1);
  EXPECT_EQ(read_back, 'x');
}

// Whoever attaches more than one descriptor leaves none behind.
TEST_F(ChannelTest, MoreDescriptorsAreClosed) {
  std::array<int, 3> fds{dup(0), dup(0), dup(0)};
  const int lowest = dup(0);
  ASSERT_GE(lowest, 0);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fds)> control{};
  iovec part{const_cast<std::byte*>(message_.data()), message_.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(rights), fds.data(), sizeof fds);
  ASSERT_GT(sendmsg(agent_->fd(), &header, 0), 0);
  close(lowest);
  {
    auto found = inspector_->receive(Wait::kYes);
    ASSERT_TRUE(found.has_value() && found->has_value());
    EXPECT_EQ((*found)->descriptor.get(), lowest);
  }
  const UniqueFd next(dup(0));
  EXPECT_EQ(next.get(), lowest) << "everything received is closed again";
  for (const int fd : fds) close(fd);
}

TEST_F(ChannelTest, AFullChannelNeitherBlocksNorLoses) {
  const std::vector<std::byte> large(kBatchBytes, std::byte{1});
  std::size_t sent = 0;
  while (*inspector_->send(large, Wait::kNo)) ASSERT_LT(++sent, 10'000U);
  EXPECT_GT(sent, 2U);
  for (std::size_t i = 0; i < sent; ++i) EXPECT_TRUE((*agent_->receive(Wait::kNo)).has_value());
  EXPECT_FALSE((*agent_->receive(Wait::kNo)).has_value());
  EXPECT_TRUE(*inspector_->send(large, Wait::kNo));
}

TEST_F(ChannelTest, TheOtherSideGone) {
  agent_->close();
  const auto received = inspector_->receive(Wait::kYes);
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().code, ErrorCode::kUnavailable);
  const auto sent = inspector_->send(message_, Wait::kYes);
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, ErrorCode::kUnavailable);
}

TEST_F(ChannelTest, TooLongAMessageIsRefused) {
  const std::vector<std::byte> large(kMostBytes + 1, std::byte{1});
  ASSERT_TRUE(*agent_->send(large, Wait::kNo));
  EXPECT_EQ(inspector_->receive(Wait::kYes).error().code, ErrorCode::kInvalidArgument);
}

bool is_wiped(Bytes bytes) {
  return std::ranges::all_of(bytes, [](std::byte value) { return value == std::byte{0}; });
}

TEST_F(ChannelTest, WhatWasTakenIsWiped) {
  const std::vector<std::byte> secret(kBatchBytes, std::byte{1});
  ASSERT_TRUE(*agent_->send(secret, Wait::kNo));
  auto found = inspector_->receive(Wait::kNo);
  ASSERT_TRUE(found.has_value() && found->has_value());
  const Bytes message = (*found)->message;
  {
    const Forgetting when_taken(*inspector_);
    EXPECT_EQ(message.size(), secret.size());
    EXPECT_FALSE(is_wiped(message));
  }
  EXPECT_TRUE(is_wiped(message));
}

// Where it has been cut off, nobody takes it.
TEST_F(ChannelTest, WhatIsRefusedIsWiped) {
  ASSERT_TRUE(*agent_->send(std::vector(kMostBytes, std::byte{1}), Wait::kNo));
  const Bytes whole = (*inspector_->receive(Wait::kNo))->message;  // where the next one comes too
  ASSERT_TRUE(*agent_->send(std::vector(kMostBytes + 1, std::byte{2}), Wait::kNo));
  EXPECT_FALSE(inspector_->receive(Wait::kNo).has_value());
  EXPECT_TRUE(is_wiped(whole));
}

}  // namespace
}  // namespace tidegate::inspect::wire
