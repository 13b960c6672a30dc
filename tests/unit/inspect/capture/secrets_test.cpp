// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/capture/secrets.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/harness/tcp_script.hpp"
#include "tests/unit/inspect/capture/file_support.hpp"

namespace tidegate::inspect {
namespace {

using File = std::vector<std::byte>;

struct Read {
  Status status;
  std::string text;
  std::vector<std::size_t> pieces;
};

Read read(const File& bytes) {
  Read result;
  const UniqueFd file = file_of(bytes);
  result.status = read_secrets(file.get(), [&](std::string_view lines) {
    result.text += lines;
    result.pieces.push_back(lines.size());
  });
  EXPECT_EQ(lseek(file.get(), 0, SEEK_CUR), 0) << "packets are read from the same file afterwards";
  return result;
}

std::vector<test::TimedFrame> packets(std::size_t size = 4) {
  return test::to_frames(test::TcpScript().client(std::string(size, 'x')).segments());
}

// Every field of the blocks in the other byte order; for files of sections and secrets without options only.
File swapped(File bytes) {
  const auto swap = [&](std::size_t at, std::size_t size) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
  };
  for (const std::size_t at : {4UL, 8UL, 24UL}) swap(at, 4);          // section
  for (const std::size_t at : {28UL, 32UL}) swap(at, 4);              // interface
  for (const std::size_t at : {60UL, 64UL, 68UL, 72UL}) swap(at, 4);  // secrets
  return bytes;
}

void append(File& to, const File& more) { to.insert(to.end(), more.begin(), more.end()); }

TEST(SecretsTest, AreReadBeforeAnyPacket) {
  const Read got = read(test::to_pcapng(packets(), "CLIENT_RANDOM aa bb\nCLIENT_RANDOM cc dd\n"));
  EXPECT_TRUE(got.status) << got.status.error().message;
  EXPECT_EQ(got.text, "CLIENT_RANDOM aa bb\nCLIENT_RANDOM cc dd\n");
}

TEST(SecretsTest, OfSeveralSectionsInBothByteOrders) {
  File bytes = swapped(test::to_pcapng({}, "first\n\n\n"));
  append(bytes, test::to_pcapng(packets(), "second\n"));
  const Read got = read(bytes);
  EXPECT_TRUE(got.status) << got.status.error().message;
  EXPECT_EQ(got.text, "first\n\n\nsecond\n");
}

TEST(SecretsTest, BehindManyPacketsAreFound) {
  File bytes = test::to_pcapng(packets(2'000'000));
  append(bytes, test::to_pcapng(packets(), "late\n"));
  EXPECT_EQ(read(bytes).text, "late\n");
}

TEST(SecretsTest, LargeOnesComeInWholeLines) {
  std::string text;
  while (text.size() < 300'000) text += "CLIENT_RANDOM " + std::string(200 + text.size() % 7, 'a') + "\n";
  text += "last without end";
  const Read got = read(test::to_pcapng(packets(), text));
  EXPECT_TRUE(got.status);
  EXPECT_EQ(got.text, text);
  EXPECT_GT(got.pieces.size(), 4U);
  std::size_t at = 0;
  for (const std::size_t size : got.pieces) {
    EXPECT_LE(size, 65'536U);
    at += size;
    EXPECT_TRUE(at == text.size() || text[at - 1] == '\n');
  }
}

TEST(SecretsTest, ALineWithoutEndIsHandedOverInPieces) {
  const std::string text(200'000, 'z');
  EXPECT_EQ(read(test::to_pcapng({}, text)).text, text);
}

TEST(SecretsTest, PcapHasNone) {
  EXPECT_TRUE(read(test::to_pcap(packets())).status);
  EXPECT_TRUE(read({}).status);
}

TEST(SecretsTest, OtherSecretsAreLeftAlone) {
  File bytes = test::to_pcapng({}, "wireguard\n");
  bytes[69] = std::byte{0x47};
  EXPECT_TRUE(read(bytes).status);
  EXPECT_EQ(read(bytes).text, "");
}

TEST(SecretsTest, DamageIsToldWithItsOffset) {
  const File whole = test::to_pcapng(packets(), "CLIENT_RANDOM aa bb\n");
  File cut = whole;
  cut.resize(80);
  EXPECT_NE(read(cut).status.error().message.find("offset 80: secrets are cut off"), std::string::npos);
  EXPECT_EQ(read(cut).text, "CLIE") << "what was read counts, if only to be found malformed";
  File size = whole;
  size[64] = std::byte{13};
  EXPECT_NE(read(size).status.error().message.find("offset 60: a block of impossible size"), std::string::npos);
  File inner = whole;
  inner[73] = std::byte{1};
  EXPECT_NE(read(inner).status.error().message.find("secrets longer than their block"), std::string::npos);
  File order = whole;
  order[8] = std::byte{0};
  EXPECT_EQ(read(order).status.error().code, ErrorCode::kDataLoss);
}

TEST(SecretsTest, APipeIsRefused) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd out(ends[0]), in(ends[1]);
  EXPECT_EQ(read_secrets(out.get(), [](std::string_view) {}).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace tidegate::inspect
