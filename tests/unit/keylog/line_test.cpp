// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>

extern "C" {
#include "agent/keylog/line.h"
}

namespace {

const std::string kRandom(64, 'a'), kSecret(64, 'b');
std::string line_of(const std::string& label) { return label + " " + kRandom + " " + kSecret; }

sockaddr_storage address(const char* text, std::uint16_t port) {
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
  } else if (::inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
  } else {
    storage.ss_family = AF_UNIX;
  }
  return storage;
}

std::string tail(const char* client, const char* server, std::uint16_t cipher) {
  char text[LINE_TAIL_ROOM];
  const sockaddr_storage from = address(client, 50000), to = address(server, 443);
  const std::size_t size = line_tail(text, &from, &to, cipher);
  EXPECT_EQ(size, std::string(text).size());
  return text;
}

TEST(KeylogLine, OnlyWhatAnInspectorUsesIsShared) {
  for (const char* label :
       {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"})
    EXPECT_EQ(line_kind(line_of(label).c_str()), LINE_HELD) << label;
  EXPECT_EQ(line_kind(line_of("CLIENT_EARLY_TRAFFIC_SECRET").c_str()), LINE_EARLY);
  EXPECT_EQ(line_kind(line_of("CLIENT_TRAFFIC_SECRET_0").c_str()), LINE_LAST);
  EXPECT_EQ(line_kind(line_of("CLIENT_RANDOM").c_str()), LINE_ALONE);
  for (const char* label : {"EXPORTER_SECRET", "EARLY_EXPORTER_SECRET", "RSA", "", "CLIENT_RANDOM_2", "client_random"})
    EXPECT_EQ(line_kind(line_of(label).c_str()), LINE_USELESS) << label;
}

TEST(KeylogLine, WhatIsNoLineIsNotShared) {
  const std::string good = line_of("CLIENT_RANDOM");
  for (const std::string& bad :
       {good + "\nCLIENT_RANDOM", good + "x", good + std::string(33, 'a'), good + " more", good.substr(0, 78),
        good.substr(0, 79), "CLIENT_RANDOM " + std::string(63, 'a') + " " + kSecret, "CLIENT_RANDOM  " + kSecret,
        std::string("CLIENT_RANDOM"), std::string("CLIENT_RANDOM ")})
    EXPECT_EQ(line_kind(bad.c_str()), LINE_USELESS) << bad;
  EXPECT_EQ(line_kind(("CLIENT_RANDOM " + kRandom + " " + std::string(96, 'F')).c_str()), LINE_ALONE);
  EXPECT_EQ(std::string(line_random(good.c_str()), LINE_RANDOM_DIGITS), kRandom);
}

TEST(KeylogLine, EveryCharacterIsLookedAt) {
  const std::string good = "CLIENT_RANDOM " + kRandom + " " + std::string(65, 'B');  // four times sixteen, and one
  ASSERT_EQ(line_kind(good.c_str()), LINE_ALONE);
  for (std::size_t i = std::string("CLIENT_RANDOM ").size(); i < good.size(); ++i) {
    for (const char wrong : {'/', ':', '@', 'G', '`', 'g', '\x7f', '\xb0', '\n'}) {
      std::string bad = good;
      bad[i] = wrong;
      EXPECT_EQ(line_kind(bad.c_str()), LINE_USELESS) << i << " " << wrong;
    }
  }
}

TEST(KeylogLine, EndpointsOfBothFamilies) {
  EXPECT_EQ(tail("192.0.2.1", "198.51.100.2", 0x1301), " tcp 192.0.2.1:50000 198.51.100.2:443 0x1301");
  EXPECT_EQ(tail("2001:db8::1", "2001:db8::2", 0xc02f), " tcp [2001:db8::1]:50000 [2001:db8::2]:443 0xC02F");
  EXPECT_EQ(tail("::ffff:192.0.2.1", "::ffff:198.51.100.2", 0), " tcp 192.0.2.1:50000 198.51.100.2:443");
  EXPECT_EQ(tail("192.0.2.1", "not of IP", 0x1301), "");
  EXPECT_EQ(tail("1111:2222:3333:4444:5555:6666:7777:8888", "1111:2222:3333:4444:5555:6666:7777:9999", 0x1302).size(),
            5u + 47 + 1 + 45 + 7);
}

TEST(KeylogLine, JoinedWithinItsRoomOnly) {
  char out[LINE_ROOM];
  const std::string line = line_of("CLIENT_RANDOM");
  const std::size_t size = line_join(out, sizeof out, line.c_str(), " tcp", 4);
  EXPECT_EQ(std::string(out, size), line + " tcp\n");
  EXPECT_EQ(line_join(out, line.size() + 5, line.c_str(), " tcp", 4), line.size() + 5);
  EXPECT_EQ(line_join(out, line.size() + 4, line.c_str(), " tcp", 4), 0u);
  const std::string longest = "CLIENT_HANDSHAKE_TRAFFIC_SECRET " + kRandom + " " + std::string(96, 'b');
  EXPECT_LE(longest.size() + LINE_TAIL_ROOM, LINE_ROOM);
}

}  // namespace
