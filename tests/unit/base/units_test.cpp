// SPDX-License-Identifier: Apache-2.0
#include "agent/base/units.hpp"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

TEST(Duration, RoundTrips) {
  for (const char* text : {"30s", "5m", "1h", "7d", "90s"}) EXPECT_EQ(format_duration(*parse_duration(text)), text);
  EXPECT_EQ(format_duration(std::chrono::seconds(3600)), "1h");
}

TEST(Duration, Refuses) {
  for (const char* text : {"", "0s", "5", "-1s", "1.5h", "1w", "99999999999999999999s", "3651d", "5 m", "5ms"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(PacketRate, RoundTrips) {
  for (const char* text : {"2000/s", "30/m", "5/h"}) EXPECT_EQ(format_packet_rate(*parse_packet_rate(text)), text);
}

TEST(PacketRate, Refuses) {
  for (const char* text : {"", "5", "0/s", "5/d", "5k/s", "/s", "5/s/s", "-5/s"})
    EXPECT_FALSE(parse_packet_rate(text)) << text;
}

TEST(ByteRate, BitsAreDividedByEight) {
  EXPECT_EQ(parse_byte_rate("8Mbit/s")->amount, 1'000'000U);
  EXPECT_EQ(format_byte_rate(*parse_byte_rate("8Mbit/s")), "1MB/s");
  EXPECT_EQ(parse_byte_rate("20MB/s")->amount, 20'000'000U);
  EXPECT_FALSE(parse_byte_rate("20/s"));
  EXPECT_FALSE(parse_byte_rate("20mb/s"));
  EXPECT_FALSE(parse_byte_rate("99999999999GB/s"));
}

}  // namespace
}  // namespace tidegate
