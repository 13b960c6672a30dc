// SPDX-License-Identifier: Apache-2.0
// Peers become proven when the kernel reports their socket established, and not before.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "agent/base/unique_fd.hpp"
#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

// Clients bind to it: the tracepoint sees all namespaces, and other tests talk over 127.0.0.1.
constexpr const char* kLoopback4 = "127.34.56.78";

// Only proven sources get in.
TestPolicy only_proven() {
  TestPolicy p = two_services();
  p.services[0].limits.fresh = {.cost = kSecond, .burst = 1};
  p.services[0].limits.fresh_syn = {.cost = kSecond, .burst = 1};
  p.services[0].limits.flags = TG_SERVICE_NEW_SOURCES;
  return p;
}

struct Listener {
  UniqueFd fd;
  sockaddr_in6 address{};

  // `family` AF_INET6 takes IPv4 too, as v4-mapped peers.
  explicit Listener(int family) : fd(socket(family, SOCK_STREAM, 0)) {
    address.sin6_family = static_cast<sa_family_t>(family);  // the wildcard address of either family is all zeros
    socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd.get(), 4) != 0) fd.reset();
    getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  }
};

bool connect_to(std::uint16_t port, int family) {
  const UniqueFd client(socket(family, SOCK_STREAM, 0));
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  six.sin6_addr = in6addr_loopback;
  if (family == AF_INET) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    inet_pton(AF_INET, kLoopback4, &own.sin_addr);
    return bind(client.get(), reinterpret_cast<sockaddr*>(&own), sizeof(own)) == 0 &&
           connect(client.get(), reinterpret_cast<sockaddr*>(&four), sizeof(four)) == 0;
  }
  return connect(client.get(), reinterpret_cast<sockaddr*>(&six), sizeof(six)) == 0;
}

bool gets_in(Program& program, const Frame& frame) { return !program.run(frame).dropped; }

TEST(Handshake, ProvesThePeer) {
  for (const int listening : {AF_INET, AF_INET6}) {
    Program program;
    program.configure(only_proven());
    ASSERT_FALSE(gets_in(program, web_packet(kLoopback4)));
    const Listener listener(listening);
    if (!listener.fd) GTEST_SKIP() << "no TCP over lo in this namespace";
    ASSERT_TRUE(connect_to(ntohs(listener.address.sin6_port), AF_INET)) << "before the tracepoint is attached";
    EXPECT_FALSE(gets_in(program, web_packet(kLoopback4)));
    program.watch_handshakes();
    if (!connect_to(ntohs(listener.address.sin6_port), AF_INET)) GTEST_SKIP() << "lo is down";
    EXPECT_TRUE(gets_in(program, web_packet(kLoopback4)));
    EXPECT_FALSE(gets_in(program, web_packet("127.34.56.79"))) << "another source";
  }
}

TEST(Handshake, ProvesTheWholeIpv6Prefix) {
  Program program;
  program.configure(only_proven());
  const Listener listener(AF_INET6);
  program.watch_handshakes();
  if (!listener.fd || !connect_to(ntohs(listener.address.sin6_port), AF_INET6)) GTEST_SKIP() << "no IPv6 on lo";
  EXPECT_TRUE(gets_in(program, Ethernet() / Ipv6{.source = "::1"} / Tcp{}));
  EXPECT_TRUE(gets_in(program, Ethernet() / Ipv6{.source = "::2"} / Tcp{})) << "the same /64";
  EXPECT_FALSE(gets_in(program, Ethernet() / Ipv6{.source = "2001:db8::1"} / Tcp{}));
}

TEST(Handshake, ASynThatIsRefusedProvesNothing) {
  Program program;
  program.configure(only_proven());
  program.watch_handshakes();
  std::uint16_t port = 0;
  {
    const Listener listener(AF_INET);
    port = ntohs(listener.address.sin6_port);
  }
  EXPECT_FALSE(connect_to(port, AF_INET));
  EXPECT_FALSE(gets_in(program, web_packet(kLoopback4)));
}

TEST(Handshake, IsWrittenToTheGenerationInForce) {
  Program program;
  program.configure(only_proven());
  program.control().proven_active = 1;
  const Listener listener(AF_INET);
  program.watch_handshakes();
  if (!listener.fd || !connect_to(ntohs(listener.address.sin6_port), AF_INET))
    GTEST_SKIP() << "no TCP over lo in this namespace";
  EXPECT_TRUE(gets_in(program, web_packet(kLoopback4)));
  EXPECT_EQ(program.proven_words(0), 0U);
  EXPECT_GT(program.proven_words(1), 0U);
}

}  // namespace
}  // namespace tidegate::test
