// SPDX-License-Identifier: Apache-2.0
// Answers to the host itself: recognised by what the host sent (UDP, ICMP echo) or by its sockets (TCP), charged apart.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#include "agent/base/unique_fd.hpp"
#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

constexpr const char* kHost = "198.51.100.1";
constexpr const char* kServer = "203.0.113.53";

// The flow table is written with the real clock, so that these run in it too.
std::uint64_t real_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * kSecond + static_cast<std::uint64_t>(t.tv_nsec);
}

// Nothing passes but replies: every packet is over the default service's limit.
TestPolicy closed() {
  TestPolicy p = two_services();
  p.services.push_back({.slot = 9, .limits = {.packets = {.cost = kSecond, .burst = 1}}});
  p.host.default_service = 9;
  return p;
}

Frame query(std::uint16_t port, const char* to = kServer) {
  return Ethernet() / Ipv4{.source = kHost, .destination = to} / Udp{.source_port = port, .destination_port = 53};
}

Frame answer(std::uint16_t port, const char* from = kServer) {
  return Ethernet() / Ipv4{.source = from, .destination = kHost} / Udp{.source_port = 53, .destination_port = port} /
         Payload{100};
}

TEST(Reply, ToAUdpQueryPasses) {
  Program program;
  program.configure(closed());
  const std::uint64_t now = real_now();
  EXPECT_VERDICT(program.run(answer(40000), {.now = now}), true, TG_REASON_PACKET_LIMIT);
  program.send(query(40000));
  const Verdict verdict = program.run(answer(40000), {.now = now});
  EXPECT_VERDICT(verdict, false, TG_REASON_REPLY);
  EXPECT_EQ(verdict.service, static_cast<unsigned>(TG_SERVICE_REPLIES));
  EXPECT_TRUE(program.run(answer(40001), {.now = now}).dropped) << "another port";
  EXPECT_TRUE(program.run(answer(40000, "203.0.113.54"), {.now = now}).dropped) << "another server";
  EXPECT_TRUE(program
                  .run(Ethernet() / Ipv4{.source = kServer, .destination = kHost} /
                           Udp{.source_port = 54, .destination_port = 40000},
                       {.now = now})
                  .dropped)
      << "another service";
  EXPECT_FALSE(program.run(answer(40000), {.now = now + 50 * kSecond}).dropped);
  EXPECT_TRUE(program.run(answer(40000), {.now = now + 120 * kSecond}).dropped) << "too late";
}

TEST(Reply, OverIpv6) {
  Program program;
  program.configure(closed());
  program.send(Ethernet() / Ipv6{.source = "2001:db8::1", .destination = "2001:db8:5::53"} /
               Udp{.source_port = 40000, .destination_port = 53});
  EXPECT_VERDICT(program.run(Ethernet() / Ipv6{.source = "2001:db8:5::53", .destination = "2001:db8::1"} /
                                 Udp{.source_port = 53, .destination_port = 40000},
                             {.now = real_now()}),
                 false, TG_REASON_REPLY);
}

TEST(Reply, ToAPingPasses) {
  Program program;
  program.configure(closed());
  const auto pong = [](std::uint16_t id) {
    return Ethernet() / Ipv4{.source = kServer, .destination = kHost} / Icmp{.type = 0, .identifier = id};
  };
  EXPECT_TRUE(program.run(pong(7), {.now = real_now()}).dropped);
  program.send(Ethernet() / Ipv4{.source = kHost, .destination = kServer} / Icmp{.type = 8, .identifier = 7});
  EXPECT_VERDICT(program.run(pong(7), {.now = real_now()}), false, TG_REASON_REPLY);
  EXPECT_TRUE(program.run(pong(8), {.now = real_now()}).dropped);
  program.send(Ethernet() / Ipv6{.destination = "2001:db8:5::1"} / Icmp{.type = 128, .identifier = 9});
  EXPECT_VERDICT(program.run(Ethernet() / Ipv6{.source = "2001:db8:5::1", .destination = "2001:db8::1"} /
                                 Icmp{.type = 129, .identifier = 9},
                             {.now = real_now()}),
                 false, TG_REASON_REPLY);
}

TEST(Reply, AServersAnswersDoNotMakeItsClientsReplies) {
  Program program;
  program.configure(closed());
  // what the DNS service of this host sends back to its client, and what a client on a low port gets
  program.send(Ethernet() / Ipv4{.source = kHost, .destination = kServer} /
               Udp{.source_port = 53, .destination_port = 40000});
  passes(program, Ethernet() / Ipv4{.source = kServer, .destination = kHost} / Udp{.source_port = 40000}, 10,
         real_now());
  EXPECT_TRUE(program
                  .run(Ethernet() / Ipv4{.source = kServer, .destination = kHost} / Udp{.source_port = 40000},
                       {.now = real_now()})
                  .dropped);
  program.send(query(123));
  EXPECT_TRUE(program.run(answer(123), {.now = real_now()}).dropped) << "below the ephemeral ports";
}

TEST(Reply, HasABucketOfItsOwn) {
  Program program;
  TestPolicy policy = closed();
  policy.host.replies = packet_rate(10, 5);
  program.configure(policy);
  program.send(query(40000));
  const std::uint64_t now = real_now();
  EXPECT_EQ(passes(program, answer(40000), 20, now), 5U);
  EXPECT_VERDICT(program.run(answer(40000), {.now = now}), true, TG_REASON_REPLY_LIMIT);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

std::uint16_t port_of(int fd, bool peer) {
  sockaddr_in a{};
  socklen_t size = sizeof(a);
  (peer ? getpeername : getsockname)(fd, reinterpret_cast<sockaddr*>(&a), &size);
  return ntohs(a.sin_port);
}

// A TCP connection over lo, whose both ends are sockets of this namespace; the listener may be closed afterwards.
struct Connection {
  UniqueFd listener{socket(AF_INET, SOCK_STREAM, 0)}, client{socket(AF_INET, SOCK_STREAM, 0)}, accepted{};
  std::uint16_t server_port = 0, client_port = 0;

  Connection() {
    sockaddr_in any = loopback(0);
    if (bind(listener.get(), reinterpret_cast<sockaddr*>(&any), sizeof(any)) != 0 || listen(listener.get(), 4) != 0)
      return;
    server_port = port_of(listener.get(), false);
    sockaddr_in to = loopback(server_port);
    if (connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) return;
    client_port = port_of(client.get(), false);
    accepted.reset(accept(listener.get(), nullptr, nullptr));
  }
  Frame to_client(Tcp tcp = {.ack = true}) const {
    tcp.source_port = server_port;
    tcp.destination_port = client_port;
    return Ethernet() / Ipv4{.source = "127.0.0.1", .destination = "127.0.0.1"} / tcp;
  }
  Frame to_server(Tcp tcp = {.ack = true}) const {
    tcp.source_port = client_port;
    tcp.destination_port = server_port;
    return Ethernet() / Ipv4{.source = "127.0.0.1", .destination = "127.0.0.1"} / tcp;
  }
};

TEST(Reply, OnAConnectionThatTheHostOpenedPasses) {
  Connection c;
  if (!c.accepted) GTEST_SKIP() << "no TCP over lo in this namespace";
  Program program;
  program.configure(closed());
  EXPECT_VERDICT(program.run(c.to_client()), false, TG_REASON_REPLY);
  EXPECT_VERDICT(program.run(c.to_client({.syn = true, .ack = true})), false, TG_REASON_REPLY);
  EXPECT_TRUE(program.run(c.to_client({.syn = true})).dropped) << "a SYN opens, it does not answer";
  EXPECT_TRUE(program
                  .run(Ethernet() / Ipv4{.source = "127.0.0.1", .destination = "127.0.0.1"} /
                       Tcp{.source_port = 1, .destination_port = c.client_port, .ack = true})
                  .dropped)
      << "no such connection";
}

TEST(Reply, AnAcceptedConnectionIsNone) {
  Connection c;
  if (!c.accepted) GTEST_SKIP() << "no TCP over lo in this namespace";
  Program program;
  program.configure(closed());
  EXPECT_TRUE(program.run(c.to_server()).dropped) << "its port listens: the peer is a client";
}

TEST(Reply, ARecognisedConnectionIsLookedUpOncePerSecond) {
  Connection c;
  if (!c.accepted) GTEST_SKIP() << "no TCP over lo in this namespace";
  Program program;
  program.configure(closed());
  program.control().lookup_interval_ns = 1'000'000'000;
  for (unsigned i = 0; i < 1000; ++i) EXPECT_FALSE(program.run(c.to_client(), {.now = kStart}).dropped);
  EXPECT_EQ(program.fault(TG_FAULT_LOOKUP_BUDGET), 0U);
}

TEST(Reply, SocketLookupsHaveABudget) {
  Program program;
  program.configure(closed());
  program.control().lookup_interval_ns = 1'000'000;
  for (unsigned i = 0; i < 500; ++i)
    program.run(Ethernet() / Ipv4{} / Tcp{.destination_port = static_cast<std::uint16_t>(1000 + i), .ack = true},
                {.now = kStart});
  // one budget for each CPU on which this thread happened to run
  EXPECT_GE(program.fault(TG_FAULT_LOOKUP_BUDGET), 500U - 2 * TG_LOOKUP_BURST - 2);
  EXPECT_LE(program.fault(TG_FAULT_LOOKUP_BUDGET), 500U - TG_LOOKUP_BURST);
}

TEST(Reply, SocketLookupCanBeSwitchedOff) {
  Connection c;
  if (!c.accepted) GTEST_SKIP() << "no TCP over lo in this namespace";
  Program program({.socket_lookup = false});
  program.configure(closed());
  EXPECT_TRUE(program.run(c.to_client()).dropped);
}

TEST(Egress, NeverHoldsAPacketBack) {
  Program program;
  program.configure(closed());
  program.send(Ethernet{.type = 0x88cc} / Payload{60});
  program.send(Ethernet() / Ipv4{.version = 5} / Tcp{});
  program.send(Ethernet() / Ipv4{} / Udp{} / Payload{1400});
}

}  // namespace
}  // namespace tidegate::test
