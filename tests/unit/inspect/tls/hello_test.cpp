// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tls/hello.hpp"

#include <gtest/gtest.h>

#include "agent/inspect/tls/handshake_reader.hpp"
#include "agent/inspect/tls/ja4.hpp"
#include "tests/unit/inspect/tls/feed.hpp"

namespace tidegate::inspect::test {
namespace {

// The example of FoxIO's technical description.
Ja4Input example() {
  return {.version = 0x0304,
          .has_sni = true,
          .alpn = "h2",
          .ciphers = {0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                      0x009c, 0x009d, 0x002f, 0x0035},
          .extensions = {0xaaaa, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012,
                         0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0x5a5a},
          .signature_algorithms = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}};
}

TEST(Ja4Test, TheExampleOfItsDescription) { EXPECT_EQ(ja4_of(example()), "t13d1516h2_8daaf6152771_e5627efa2ab1"); }

TEST(Ja4Test, OrderOfCiphersAndExtensionsDoesNotMatterThatOfSignaturesDoes) {
  Ja4Input other = example();
  std::reverse(other.ciphers.begin(), other.ciphers.end());
  std::reverse(other.extensions.begin(), other.extensions.end());
  EXPECT_EQ(ja4_of(other), ja4_of(example()));
  std::reverse(other.signature_algorithms.begin(), other.signature_algorithms.end());
  EXPECT_NE(ja4_of(other), ja4_of(example()));
}

TEST(Ja4Test, WhatIsMissingIsZeros) {
  EXPECT_EQ(ja4_of({.version = 0x0303}), "t12i000000_000000000000_000000000000");
  EXPECT_EQ(ja4_of({.version = 0x7f1c}).substr(0, 10), "t00i000000");
}

TEST(Ja4Test, AlpnOfOtherBytesIsShownInHex) {
  const auto alpn = [](std::string_view text) { return ja4_of({.version = 0x0303, .alpn = text}).substr(8, 2); };
  EXPECT_EQ(alpn("http/1.1"), "h1");
  EXPECT_EQ(alpn("x"), "xx");
  EXPECT_EQ(alpn("\xab"), "ab");
  EXPECT_EQ(alpn("\xab\xcd"), "ad");
  EXPECT_EQ(alpn("0\xab"), "3b");
  EXPECT_EQ(alpn("0+"), "3b");
  EXPECT_EQ(alpn(""), "00");
}

TEST(Ja4Test, CountsEndAt99) {
  Ja4Input input{.version = 0x0303};
  for (std::uint16_t i = 0; i < 150; ++i) input.ciphers.push_back(static_cast<std::uint16_t>(i * 3 + 1));
  EXPECT_EQ(ja4_of(input).substr(4, 2), "99");
}

TEST(GreaseTest, OnlyItsSixteenValues) {
  int count = 0;
  for (unsigned i = 0; i < 0x10000; ++i) count += is_grease(static_cast<std::uint16_t>(i)) ? 1 : 0;
  EXPECT_EQ(count, 16);
  EXPECT_TRUE(is_grease(0x0a0a));
  EXPECT_FALSE(is_grease(0x0a1a));
}

// A hello put together by hand.
std::string hello_with(const std::string& extensions) {
  const auto with_size = [](const std::string& text) {
    return std::string{static_cast<char>(text.size() >> 8), static_cast<char>(text.size())} + text;
  };
  return std::string("\x03\x03") + std::string(32, 'r') + std::string(1, '\0') + with_size("\x13\x01") +
         std::string("\x01\x00", 2) + with_size(extensions);
}

TEST(ClientHelloTest, GreaseIsNoVersion) {
  const auto hello =
      read_client_hello(bytes_of(hello_with(std::string("\x00\x2b\x00\x07\x06\x7a\x7a\x03\x04\x03\x03", 11))));
  ASSERT_TRUE(hello);
  EXPECT_TRUE(hello->ja4.starts_with("t13i010100_")) << hello->ja4;
}

TEST(ClientHelloTest, NamesThatCannotBeHostsAreLeftOut) {
  const auto sni = [](const std::string& name) {
    const auto size = [](std::size_t n) { return std::string{static_cast<char>(n >> 8), static_cast<char>(n)}; };
    const std::string list = std::string(1, '\0') + size(name.size()) + name;
    return read_client_hello(bytes_of(hello_with(size(0) + size(list.size() + 2) + size(list.size()) + list)))->sni;
  };
  EXPECT_EQ(sni("www.example.com"), "www.example.com");
  EXPECT_EQ(sni("bad\nname"), "");
  EXPECT_EQ(sni("a b"), "");
  EXPECT_EQ(sni(std::string(256, 'a')), "");
}

std::string unknown_extensions(unsigned count) {
  std::string text;
  for (unsigned i = 0; i < count; ++i) {
    text += {static_cast<char>(0x40 + (i >> 8)), static_cast<char>(i), '\0', '\0'};
  }
  return text;
}

// Servers read all of them (OpenSSL keeps those that it does not know, too).
TEST(ClientHelloTest, ExtensionsBehindManyOthersAreRead) {
  const std::string versions("\x00\x2b\x00\x03\x02\x03\x04", 7);
  const std::string early("\x00\x2a\x00\x00", 4);
  const std::string name("\x00\x00\x00\x06\x00\x04\x00\x00\x01h", 10);
  for (const unsigned count : {300U, 16'000U}) {
    const auto hello = read_client_hello(bytes_of(hello_with(unknown_extensions(count) + name + early + versions)));
    ASSERT_TRUE(hello);
    EXPECT_EQ(hello->sni, "h");
    EXPECT_TRUE(hello->early_data);
    EXPECT_TRUE(hello->ja4.starts_with("t13d0199")) << hello->ja4;
  }
}

// Held against itself: where everything is kept, nothing depends on the order.
TEST(ClientHelloTest, MoreThan256ExtensionsAreInTheFingerprint) {
  const std::string name("\x00\x00\x00\x06\x00\x04\x00\x00\x01h", 10);
  const std::string many = unknown_extensions(300);
  const auto ja4 = [](const std::string& extensions) {
    return read_client_hello(bytes_of(hello_with(extensions)))->ja4;
  };
  EXPECT_EQ(ja4(many + name), ja4(name + many));
  EXPECT_NE(ja4(many + name), ja4(unknown_extensions(299) + name));
}

// What libssl sends, cut off at every byte: never read beyond its end, and whole only when it is whole.
TEST(ClientHelloTest, CutOffAnywhereIsMalformed) {
  Peers peers({});
  peers.connect();
  peers.handshake();
  const std::string& record = peers.transcript().pieces[0].bytes;
  const Bytes body = bytes_of(record).subspan(9);
  const auto whole = read_client_hello(body);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->sni, "test.example");
  EXPECT_EQ(whole->alpn, "http/1.1");
  EXPECT_TRUE(whole->ja4.starts_with("t13d"));
  EXPECT_EQ(whole->ja4.substr(8, 3), "h1_");
  for (std::size_t size = 0; size < body.size(); ++size) {
    // Without extensions a hello is whole too (RFC 5246), and there one can end.
    const auto cut = read_client_hello(body.first(size));
    EXPECT_TRUE(!cut || cut->ja4.substr(6, 2) == "00") << size;
  }
}

TEST(ServerHelloTest, CutOffAnywhereIsMalformed) {
  Peers peers({});
  peers.connect();
  peers.handshake();
  const Bytes record = bytes_of(peers.transcript().pieces[1].bytes);
  const std::size_t size = std::to_integer<std::size_t>(record[7]) << 8 | std::to_integer<std::size_t>(record[8]);
  const Bytes body = record.subspan(9, size);
  const auto whole = read_server_hello(body);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->version, TlsVersion::k13);
  EXPECT_FALSE(whole->retry);
  for (std::size_t i = 0; i < body.size(); ++i) {
    const auto cut = read_server_hello(body.first(i));
    EXPECT_TRUE(!cut || cut->version == TlsVersion::k12) << i;
  }
}

TEST(HandshakeReaderTest, KeepsNoMoreThanAMessageSays) {
  constexpr std::size_t kSize = HandshakeReader::kLongestClientHello;
  std::string hello(4 + kSize, 'h');
  hello[0] = 1;
  for (int i = 0; i < 3; ++i) hello[1 + i] = static_cast<char>(kSize >> (16 - 8 * i));
  HandshakeReader reader;
  HandshakeReader::Message message;
  Bytes bytes = bytes_of(hello);
  for (Bytes rest = bytes; !rest.empty();) {
    Bytes part = rest.first(std::min<std::size_t>(16'384, rest.size()));
    rest = rest.subspan(part.size());
    const auto expected = rest.empty() ? HandshakeReader::Step::kMessage : HandshakeReader::Step::kNeedsMore;
    ASSERT_EQ(reader.next(part, message), expected);
    ASSERT_LE(reader.kept(), kSize);
  }
  EXPECT_EQ(message.body.size(), kSize);
  HandshakeReader other;
  ++hello[3];
  bytes = bytes_of(hello);
  EXPECT_EQ(other.next(bytes, message), HandshakeReader::Step::kTooLong);
}

TEST(HandshakeReaderTest, MessagesMayBeCutAndRunTogether) {
  const std::string hello = std::string("\x02\x00\x00\x05", 4) + "hello";
  const std::string certificate = std::string("\x0b\x00\x01\x00", 4) + std::string(256, 'c');
  const std::string all = hello + certificate + hello + std::string("\x14\x00\x00\x04", 4) + "done";
  for (std::size_t step = 1; step <= all.size(); ++step) {
    HandshakeReader reader;
    std::string seen;
    for (std::size_t at = 0; at < all.size(); at += step) {
      const std::string part = all.substr(at, step);
      Bytes bytes = bytes_of(part);
      HandshakeReader::Message message;
      while (!bytes.empty()) {
        if (reader.next(bytes, message) != HandshakeReader::Step::kMessage) continue;
        seen += std::to_string(static_cast<int>(message.type)) + ':' +
                std::string(reinterpret_cast<const char*>(message.body.data()), message.body.size()) + ' ';
      }
      ASSERT_LE(reader.kept(), 64U) << "a certificate is kept";
    }
    ASSERT_EQ(seen, "2:hello 11: 2:hello 20: ") << step;
  }
}

}  // namespace
}  // namespace tidegate::inspect::test
