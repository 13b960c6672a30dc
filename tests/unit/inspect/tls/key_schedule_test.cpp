// SPDX-License-Identifier: Apache-2.0
// Published vectors: RFC 8448, section 3 (TLS 1.3), RFC 4231 (HMAC), and the PRF vectors of the TLS working group.
#include "agent/inspect/tls/key_schedule.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "agent/inspect/tls/hmac.hpp"
#include "agent/inspect/tls/record_cipher.hpp"

namespace tidegate::inspect {
namespace {

std::vector<std::byte> unhex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string hex(Bytes bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

TEST(HmacTest, Rfc4231) {
  const auto mac = [](HashKind kind, std::string_view key, std::string_view data) {
    const auto secret = unhex(key);
    const auto bytes = unhex(data);
    std::array<std::byte, kLongestHash> out;
    const Hmac hmac(kind, secret);
    hmac.mac({Bytes(bytes).first(1), Bytes(bytes).subspan(1)}, out.data());
    return hex(Bytes(out).first(hmac.size()));
  };
  EXPECT_EQ(mac(HashKind::kSha256, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(mac(HashKind::kSha384, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f"),
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649");
  EXPECT_EQ(mac(HashKind::kSha1, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f"),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(mac(HashKind::kMd5, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f"),
            "750c783e6ab0b503eaa86e310a5db738");
}

TEST(KeyScheduleTest, Rfc8448TrafficKeys) {
  const Suite& suite = *find_suite(0x1301);
  const auto keys = [&suite](std::string_view secret) {
    const RecordKeys made = keys_of_secret(suite, unhex(secret));
    return hex(Bytes(made.key).first(16)) + ' ' + hex(Bytes(made.iv).first(12));
  };
  EXPECT_EQ(keys("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"),
            "3fce516009c21727d0f2e4e86ee403bc 5d313eb2671276ee13000b30");
  EXPECT_EQ(keys("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"),
            "9f02283b6c9c07efc26bb9f2ac92e356 cf782b88dd83549aadf1e984");
}

TEST(KeyScheduleTest, Rfc8448ApplicationRecord) {
  const Suite& suite = *find_suite(0x1301);
  CipherContext context;
  const auto cipher =
      make_cipher(context, {TlsVersion::k13, &suite, false},
                  keys_of_secret(suite, unhex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5")));
  ASSERT_TRUE(cipher);
  const auto bytes = unhex(
      "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a6292a2"
      "977014bd1e3deae63aeebb21694915e4");
  std::vector<std::byte> scratch(kLargestBody12);
  const auto opened = cipher->open(record_of(bytes), 0, scratch);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->type, ContentType::kApplicationData);
  ASSERT_EQ(opened->content.size(), 50U);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(opened->content[i], static_cast<std::byte>(i));
  EXPECT_FALSE(cipher->open(record_of(bytes), 1, scratch));
  const auto peeked = cipher->peek(record_of(bytes), 0);
  ASSERT_TRUE(peeked);
  EXPECT_EQ(peeked->type, ContentType::kApplicationData);
  EXPECT_EQ(peeked->size, 50U);
}

// More ciphers than may have a state in libcrypto at once: all of them go on opening records.
TEST(CipherContextTest, StatesAreBoundedAndMadeAgain) {
  const Suite& suite = *find_suite(0x1301);
  const RecordKeys keys =
      keys_of_secret(suite, unhex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"));
  const auto bytes = unhex(
      "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a6292a2"
      "977014bd1e3deae63aeebb21694915e4");
  std::vector<std::byte> scratch(kLargestBody12);
  CipherContext context;
  {
    std::vector<std::unique_ptr<RecordCipher>> ciphers;
    for (std::size_t i = 0; i < CipherContext::kMostStates + 100; ++i) {
      ciphers.push_back(make_cipher(context, {TlsVersion::k13, &suite, false}, keys));
    }
    for (int round = 0; round < 2; ++round) {
      for (const auto& cipher : ciphers) ASSERT_TRUE(cipher->open(record_of(bytes), 0, scratch));
      EXPECT_EQ(context.states(), CipherContext::kMostStates);
    }
    ciphers.erase(ciphers.begin() + 1000, ciphers.begin() + 3000);
    for (const auto& cipher : ciphers) ASSERT_TRUE(cipher->open(record_of(bytes), 0, scratch));
  }
  EXPECT_EQ(context.states(), 0U);
}

TEST(KeyScheduleTest, PseudoRandomFunctionOfTls12) {
  std::array<std::byte, 100> out;
  pseudo_random(TlsVersion::k12, HashKind::kSha256, unhex("9bbe436ba940f017b17652849a71db35"), "test label",
                unhex("a0ba9f936cda311827a6f796ffd5198c"), out);
  EXPECT_EQ(
      hex(out),
      "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077d"
      "ef17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66");
}

TEST(SuiteTest, NumbersThatAreKnownAndSomeThatAreNot) {
  ASSERT_TRUE(find_suite(0xc02f));
  EXPECT_EQ(find_suite(0xc02f)->bulk, BulkCipher::kAes128Gcm);
  EXPECT_EQ(find_suite(0xc030)->hash, HashKind::kSha384);
  EXPECT_EQ(find_suite(0xc0af)->tag, 8);
  EXPECT_EQ(find_suite(0xc028)->mac, HashKind::kSha384);
  for (const unsigned number : {0x0000, 0x0005, 0x000a, 0x1300, 0x1306, 0xc011, 0xffff}) {
    EXPECT_EQ(find_suite(static_cast<std::uint16_t>(number)), nullptr) << number;
  }
}

}  // namespace
}  // namespace tidegate::inspect
