// SPDX-License-Identifier: Apache-2.0
// Who is behind a proxy: PROXY headers, X-Forwarded-For, Forwarded.
#include <gmock/gmock.h>

#include "tests/unit/inspect/http/support.hpp"

namespace tidegate::inspect::test {
namespace {

using State = ProxyHeader::State;
using ::testing::SizeIs;

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string second(char command, char family, std::string_view rest) {
  return kSignature + command + family + static_cast<char>(rest.size() >> 8) + static_cast<char>(rest.size() & 0xff) +
         std::string(rest);
}

// Whatever comes behind is not looked at, and every beginning is incomplete.
void expect_header(const std::string& header, std::string_view client) {
  for (std::size_t size = 0; size < header.size(); ++size) {
    EXPECT_EQ(read_proxy_header(bytes_of(header).first(size)).state, State::kIncomplete) << size;
  }
  const ProxyHeader read = read_proxy_header(bytes_of(header + "GET / HTTP/1.1\r\n"));
  EXPECT_EQ(read.state, State::kThere);
  EXPECT_EQ(read.size, header.size());
  const std::string text =
      read.client ? read.client->address.to_string() + " " + std::to_string(read.client->port) : "";
  EXPECT_EQ(text, client);
}

TEST(ProxyHeader, FirstVersion) {
  expect_header("PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\r\n", "203.0.113.9 56324");
  expect_header("PROXY TCP6 2001:db8::9 2001:db8::1 56324 443\r\n", "2001:db8::9 56324");
  expect_header("PROXY UNKNOWN\r\n", "");
  expect_header("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "");
}

TEST(ProxyHeader, SecondVersion) {
  const std::string v4("\xcb\0\x71\x09\xc0\0\x02\x01\xdc\x04\x01\xbb", 12);
  expect_header(second('\x21', '\x11', v4), "203.0.113.9 56324");
  expect_header(second('\x21', '\x11', v4 + "TLV bytes"), "203.0.113.9 56324");
  std::string v6("\x20\x01\x0d\xb8", 4);
  v6 += std::string(11, '\0') + "\x09" + std::string(16, '\1') + "\xdc\x04\x01\xbb";
  expect_header(second('\x21', '\x21', v6), "2001:db8::9 56324");
  expect_header(second('\x20', '\0', ""), "");
  expect_header(second('\x20', '\x11', "x"), "");
  expect_header(second('\x21', '\x31', std::string(216, 'u')), "");
}

TEST(ProxyHeader, Malformed) {
  for (const std::string& header :
       {std::string("PROXY TCP4 203.0.113.9 192.0.2.1 56324\r\n"),
        std::string("PROXY TCP4 2001:db8::9 192.0.2.1 1 2\r\n"),
        std::string("PROXY TCP5 203.0.113.9 192.0.2.1 1 2\r\n"),
        std::string("PROXY TCP4 203.0.113.9 192.0.2.1 70000 2\r\n"), "PROXY TCP4 " + std::string(100, '1'),
        second('\x22', '\x11', std::string(12, 'x')), second('\x21', '\x11', "short")}) {
    EXPECT_EQ(read_proxy_header(bytes_of(header)).state, State::kMalformed) << header;
  }
  EXPECT_EQ(read_proxy_header(bytes_of("GET / HTTP/1.1\r\n")).state, State::kNone);
  EXPECT_EQ(read_proxy_header(bytes_of("PROPFIND / HTTP/1.1\r\n")).state, State::kNone);
  EXPECT_EQ(read_proxy_header(bytes_of("PROXY UNKNOWN HTTP/1.1\r\n")).state, State::kNone) << "a request";
  EXPECT_EQ(read_proxy_header(bytes_of("\r\nGET")).state, State::kNone);
}

std::string proxied(const std::string& fields, Scene scene = {}, bool trusted = true) {
  if (trusted) scene.settings.trusted_proxies = {*Prefix::parse("203.0.113.0/24"), *Prefix::parse("2001:db8:ff::/48")};
  const Result result = run_every_way({says(kClient, "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"),
                                       says(kServer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")},
                                      scene);
  EXPECT_THAT(result.summaries, SizeIs(1));
  const auto& address = result.summaries[0].proxied;
  return address ? address->to_string() : "";
}

TEST(Forwarded, OnlyTrustedProxiesAreBelieved) {
  EXPECT_EQ(proxied("X-Forwarded-For: 198.51.100.1\r\n", {}, false), "");
  EXPECT_EQ(proxied("X-Forwarded-For: 198.51.100.1\r\n"), "198.51.100.1");
}

TEST(Forwarded, TheRightmostThatIsNoProxy) {
  EXPECT_EQ(proxied("X-Forwarded-For: 192.0.2.66, 198.51.100.1, 203.0.113.5\r\n"), "198.51.100.1");
  EXPECT_EQ(proxied("X-Forwarded-For: 192.0.2.66\r\nx-forwarded-for: 198.51.100.2:8080,203.0.113.6\r\n"),
            "198.51.100.2");
  EXPECT_EQ(proxied("X-Forwarded-For: \"[2001:db8::7]:99\" , 2001:db8:ff::1\r\n"), "2001:db8::7");
  EXPECT_EQ(proxied("X-Forwarded-For: 198.51.100.1, unknown\r\n"), "");
  EXPECT_EQ(proxied("X-Forwarded-For: 203.0.113.5\r\n"), "");
  EXPECT_EQ(proxied("X-Forwarded-For: ,,,\r\n"), "");
}

TEST(Forwarded, SeveralLinesAreOneList) {
  const std::string client = "X-Forwarded-For: 192.0.2.66\r\n";
  EXPECT_EQ(proxied(client + "X-Forwarded-For: unknown\r\n"), "");
  EXPECT_EQ(proxied(client + "X-Forwarded-For:\r\n"), "");
  EXPECT_EQ(proxied(client + "X-Forwarded-For: unknown, 203.0.113.5\r\n"), "");
  EXPECT_EQ(proxied(client + "X-Forwarded-For: 203.0.113.5\r\n"), "192.0.2.66");
  EXPECT_EQ(proxied(client + "X-Forwarded-For: unknown\r\nX-Forwarded-For: 198.51.100.2\r\n"), "198.51.100.2");
  EXPECT_EQ(proxied("Forwarded: for=192.0.2.66\r\nForwarded: for=_hidden\r\n"), "");
  EXPECT_EQ(proxied("Forwarded: for=192.0.2.66\r\nX-Forwarded-For: 203.0.113.5\r\n"), "");
}

TEST(Forwarded, TheStandardField) {
  EXPECT_EQ(proxied("Forwarded: for=192.0.2.66, for=\"[2001:db8::7]:4711\";proto=https;by=203.0.113.5\r\n"),
            "2001:db8::7");
  EXPECT_EQ(proxied("Forwarded: For=198.51.100.9\r\nX-Forwarded-For: 198.51.100.1\r\n"), "198.51.100.1");
  EXPECT_EQ(proxied("X-Forwarded-For: 198.51.100.1\r\nForwarded: for=198.51.100.9\r\n"), "198.51.100.1");
  EXPECT_EQ(proxied("Forwarded: for=_hidden\r\n"), "");
}

TEST(Forwarded, BehindAProxyHeader) {
  Scene scene;
  scene.facts.proxied = *Address::parse("198.51.100.77");
  EXPECT_EQ(proxied("X-Forwarded-For: 192.0.2.66\r\n", scene), "198.51.100.77")
      << "who is behind the proxy is not trusted";
  scene.facts.proxied = *Address::parse("203.0.113.8");
  EXPECT_EQ(proxied("X-Forwarded-For: 192.0.2.66\r\n", scene), "192.0.2.66");
}

}  // namespace
}  // namespace tidegate::inspect::test
