// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/wire/payload_codec.hpp"

#include <gtest/gtest.h>

#include "tests/unit/inspect/wire/samples.hpp"

namespace tidegate::inspect::wire {
namespace {

std::string field(std::string_view name, std::string_view value) {
  std::string text;
  for (const std::string_view piece : {name, value}) {
    text.push_back(static_cast<char>(piece.size() & 0xff));
    text.push_back(static_cast<char>(piece.size() >> 8));
    text.append(piece);
  }
  return text;
}

std::vector<std::byte> message_of(const std::string& head, const std::string& body) {
  std::vector<std::byte> message;
  encode_payload(full_summary(), {.head = head, .body = body}, message);
  return message;
}

TEST(PayloadCodec, BringsWhatWasSent) {
  const std::string long_value(5000, 'c');
  const auto message =
      message_of(field(kTargetField, "/a?b=c") + field("host", "h") + field("cookie", long_value), "x=1");
  EXPECT_LE(message.size(), kMostBytes);
  PayloadMessage found;
  ASSERT_TRUE(decode_payload(message, found));
  EXPECT_EQ(found.target, "/a?b=c");
  ASSERT_EQ(found.fields.size(), 2U);
  EXPECT_EQ(found.fields[0], PayloadField("host", "h"));
  EXPECT_EQ(found.fields[1], PayloadField("cookie", long_value));
  EXPECT_EQ(found.body, "x=1");
  EXPECT_EQ(text_of(found.summary), text_of(full_summary()));
}

TEST(PayloadCodec, IsOneMessageAtMost) {
  const auto message = message_of(std::string(kMostPayloadHead + 100, 'h'), std::string(kMostPayloadBody + 100, 'b'));
  EXPECT_LE(message.size(), kMostBytes);
}

TEST(PayloadCodec, RefusesWhatIsNone) {
  const auto sound = message_of(field(kTargetField, "/") + field("a", "b"), "body");
  PayloadMessage found;
  ASSERT_TRUE(decode_payload(sound, found));
  for (std::size_t size = 0; size < sound.size(); ++size) {
    EXPECT_FALSE(decode_payload(Bytes(sound).first(size), found)) << size;
  }
  for (const std::size_t at : {0U, 1U}) {
    auto other = sound;
    other[at] ^= std::byte{1};
    EXPECT_FALSE(decode_payload(other, found)) << at;
  }
  auto longer = sound;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_payload(longer, found));
  EXPECT_FALSE(decode_payload(message_of("x", ""), found)) << "no field";
  std::string many;
  for (std::size_t i = 0; i <= kMostPayloadFields; ++i) many += field("a", "b");
  EXPECT_FALSE(decode_payload(message_of(many, ""), found));
}

}  // namespace
}  // namespace tidegate::inspect::wire
