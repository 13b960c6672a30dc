// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/capture/secret_stream.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "agent/inspect/capture/capture_file.hpp"
#include "agent/inspect/capture/secrets.hpp"
#include "tests/harness/tcp_script.hpp"
#include "tests/unit/inspect/capture/file_support.hpp"

namespace tidegate::inspect {
namespace {

using File = std::vector<std::byte>;

struct Read {
  Status status;
  std::string text;
  std::size_t blocks = 0;
};

Read in_passing(const File& bytes, std::size_t piece) {
  Read result;
  SecretStream stream([&](Bytes text, bool last) {
    result.text.append(reinterpret_cast<const char*>(text.data()), text.size());
    result.blocks += last ? 1 : 0;
  });
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    stream.add(Bytes(bytes).subspan(at, std::min(piece, bytes.size() - at)));
  }
  result.status = stream.status();
  return result;
}

// The same as read_secrets() finds in the file, however it is cut.
void expect_same(const File& bytes) {
  Read whole;
  const UniqueFd file = file_of(bytes);
  whole.status = read_secrets(file.get(), [&](std::string_view lines) { whole.text += lines; });
  for (const std::size_t piece : {1UL, 3UL, 16UL, 61UL, 4096UL, 1UL << 20}) {
    const Read got = in_passing(bytes, piece);
    EXPECT_EQ(got.text, whole.text) << piece;
    EXPECT_EQ(got.status.has_value(), whole.status.has_value()) << piece;
    if (got.status || whole.status) continue;
    EXPECT_EQ(got.status.error().message, whole.status.error().message) << piece;
  }
}

std::vector<test::TimedFrame> packets() {
  return test::to_frames(test::TcpScript().client(std::string(5000, 'x')).segments());
}

void append(File& to, const File& more) { to.insert(to.end(), more.begin(), more.end()); }

TEST(SecretStreamTest, FindsWhatAFileHas) {
  File bytes = test::to_pcapng(packets(), "CLIENT_RANDOM aa bb\nCLIENT_RANDOM cc dd\n");
  append(bytes, test::to_pcapng(packets(), "later\n"));
  expect_same(bytes);
  const Read got = in_passing(bytes, 7);
  EXPECT_EQ(got.text, "CLIENT_RANDOM aa bb\nCLIENT_RANDOM cc dd\nlater\n");
  EXPECT_EQ(got.blocks, 2U);
}

TEST(SecretStreamTest, InTheOtherByteOrder) {
  File bytes = test::to_pcapng({}, "first\n\n\n");
  for (const std::size_t at : {4UL, 8UL, 24UL, 28UL, 32UL, 60UL, 64UL, 68UL, 72UL}) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(at + 4));
  }
  append(bytes, test::to_pcapng(packets(), "second\n"));
  expect_same(bytes);
  EXPECT_EQ(in_passing(bytes, 5).text, "first\n\n\nsecond\n");
}

TEST(SecretStreamTest, WhatHasNone) {
  expect_same({});
  expect_same(test::to_pcap(packets()));
  expect_same(test::to_pcapng(packets()));
  File other = test::to_pcapng(packets(), "wireguard\n");
  other[69] = std::byte{0x47};
  expect_same(other);
}

TEST(SecretStreamTest, DamageIsToldWithItsOffset) {
  const File whole = test::to_pcapng(packets(), "CLIENT_RANDOM aa bb\n");
  for (const auto& [at, value] : {std::pair(64, 13), {64, 16}, {67, 1}, {73, 1}, {8, 0}, {4, 0}}) {
    File damaged = whole;
    damaged[static_cast<std::size_t>(at)] = static_cast<std::byte>(value);
    expect_same(damaged);
    EXPECT_FALSE(in_passing(damaged, 9).status.has_value()) << at;
  }
}

// Every byte changed in turn: nothing is read that is not there, and what is found is what the file has.
TEST(SecretStreamTest, AnyChangedByte) {
  const File whole = test::to_pcapng({}, "CLIENT_RANDOM aa bb\n");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    File changed = whole;
    changed[at] ^= std::byte{0x81};
    const Read got = in_passing(changed, 3);
    EXPECT_LE(got.text.size(), whole.size()) << at;
    EXPECT_EQ(got.text, in_passing(changed, 1000).text) << at;
  }
}

// A pipe: its secrets have come when its first packet does.
TEST(SecretStreamTest, ACaptureIsShownAsItIsRead) {
  const File bytes = test::to_pcapng(packets(), "CLIENT_RANDOM aa bb\n");
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  UniqueFd in(ends[1]);
  std::string text;
  SecretStream secrets([&](Bytes more, bool) { text.append(reinterpret_cast<const char*>(more.data()), more.size()); });
  ASSERT_EQ(write(in.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  in.reset();
  auto capture = CaptureFile::open(UniqueFd(ends[0]), [&](Bytes more) { secrets.add(more); });
  ASSERT_TRUE(capture) << capture.error().message;
  CapturedFrame frame;
  ASSERT_TRUE(*capture->next(frame));
  EXPECT_EQ(text, "CLIENT_RANDOM aa bb\n");
  while (*capture->next(frame)) {
  }
  EXPECT_EQ(capture->packets(), packets().size());
}

}  // namespace
}  // namespace tidegate::inspect
