// SPDX-License-Identifier: Apache-2.0
// What the inspector's sockets see: TCP of inspected services on the policy's interfaces, and nothing can change that.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <map>

#include "agent/inspect/model/flow_hash.hpp"
#include "agent/kernel/capture.hpp"
#include "agent/kernel/capture_socket.hpp"
#include "tests/harness/packet.hpp"
#include "tests/harness/raw_socket.hpp"
#include "tests/harness/sockets.hpp"
#include "tests/integration/kernel/fixture.hpp"

namespace tidegate::kernel {
namespace {

using harness::NetNs;
using test::Authentication;
using test::Ethernet;
using test::Extension;
using test::Fragment6;
using test::Ipv4;
using test::Ipv6;
using test::Payload;
using test::Tcp;
using test::Udp;
using test::Vlan;

constexpr std::uint64_t kSeed = 0x5eed;
constexpr int kQuietMs = 150;

struct Captured {
  std::size_t kept = 0;  // bytes
  std::size_t wire = 0;
};

class KernelCapture : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    auto loaded = Capture::load();
    ASSERT_TRUE(loaded) << loaded.error().message;
    capture_ = std::move(*loaded);
    world_ = std::make_unique<harness::RawSocket>(net_->world(), "eth0");
  }

  CaptureInterface interface(const NetNs& space, const std::string& name) const {
    std::optional<CaptureInterface> found;
    space.in([&] { found = find_capture_interface(name); });
    EXPECT_TRUE(found) << name;
    return found.value_or(CaptureInterface{});
  }
  CaptureScope https() const { return {.interfaces = {interface(net_->edge(), "eth0")}, .ports = {{443, 443}}}; }

  void open(const NetNs& space, const CaptureScope& scope, unsigned count = 1) {
    const auto set = capture_->set_scope(scope);
    ASSERT_TRUE(set) << set.error().message;
    space.in([&] {
      auto opened = capture_->open(count, {});
      ASSERT_TRUE(opened) << opened.error().message;
      sockets_ = std::move(*opened);
    });
  }
  void open(const CaptureScope& scope, unsigned count = 1) { open(net_->edge(), scope, count); }

  // Everything that arrives until nothing does for a while.
  std::vector<Captured> take(std::size_t socket = 0) const {
    std::vector<Captured> all;
    std::vector<char> buffer(1 << 20);
    pollfd source{sockets_.at(socket).get(), POLLIN, 0};
    while (poll(&source, 1, kQuietMs) > 0) {
      iovec part{buffer.data(), buffer.size()};
      msghdr header{};
      header.msg_iov = &part;
      header.msg_iovlen = 1;
      const ssize_t size = recvmsg(source.fd, &header, MSG_DONTWAIT | MSG_TRUNC);
      if (size >= 0) all.push_back({std::min<std::size_t>(static_cast<std::size_t>(size), buffer.size()), 0});
    }
    return all;
  }
  bool sees(const test::Frame& frame) {
    world_->send(frame.bytes());
    return !take().empty();
  }

  std::unique_ptr<Capture> capture_;
  std::vector<UniqueFd> sockets_;
  std::unique_ptr<harness::RawSocket> world_;
};

TEST_F(KernelCapture, PicksInspectedTcpInBothDirections) {
  open(https());
  EXPECT_TRUE(sees(Ethernet() / Ipv4() / Tcp{.destination_port = 443}));
  EXPECT_TRUE(sees(Ethernet() / Ipv4() / Tcp{.source_port = 443, .destination_port = 40000}));
  EXPECT_FALSE(sees(Ethernet() / Ipv4() / Tcp{.destination_port = 80}));
  EXPECT_FALSE(sees(Ethernet() / Ipv4() / Udp{.destination_port = 443}));
  const harness::RawSocket edge(net_->edge(), "eth0");
  edge.send((Ethernet() / Ipv4() / Tcp{.source_port = 443, .destination_port = 40000}).bytes());
  EXPECT_EQ(take().size(), 1U) << "what the host sends is seen too";
}

TEST_F(KernelCapture, ReadsBothFamiliesTagsOptionsAndExtensionHeaders) {
  open(https());
  EXPECT_TRUE(sees(Ethernet() / Ipv6() / Tcp{}));
  EXPECT_TRUE(sees(Ethernet() / Ipv4{.options = 40} / Tcp{}));
  EXPECT_TRUE(sees(Ethernet() / Vlan{.id = 7} / Ipv4() / Tcp{}));
  EXPECT_TRUE(sees(Ethernet() / Vlan{.id = 7, .tag = 0x88a8} / Vlan{.id = 8} / Ipv6() / Tcp{}));
  EXPECT_TRUE(sees(Ethernet() / Ipv6() / Extension{.type = 0, .units = 3} / Extension{.type = 60} / Tcp{}));
  EXPECT_TRUE(sees(Ethernet() / Ipv6() / Fragment6{.offset = 0, .more = true} / Tcp{}));
  EXPECT_TRUE(sees(Ethernet() / Ipv6() / Authentication{} / Tcp{}));
  EXPECT_FALSE(sees(Ethernet() / Ipv6() / Fragment6{.offset = 8} / Tcp{})) << "a later fragment has no ports";
  EXPECT_FALSE(sees(Ethernet() / Ipv4{.fragment_offset = 8} / Tcp{}));
  EXPECT_FALSE(sees(Ethernet() / Ipv6() / Udp{.destination_port = 443}));
}

TEST_F(KernelCapture, FragmentsOfIpv4ComeAsOneSegment) {
  open(https());
  EXPECT_FALSE(sees(Ethernet() / Ipv4{.more_fragments = true} / Tcp{} / Payload{4}));
  world_->send((Ethernet() / Ipv4{.fragment_offset = 3, .protocol = 6} / Payload{800}).bytes());
  const auto whole = take();
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_EQ(whole.front().kept, 14U + 20 + 20 + 4 + 800);
  EXPECT_EQ(capture_->counts().fragments, 0U);
}

TEST_F(KernelCapture, FragmentsWithoutPortsAreCounted) {
  open(https());
  EXPECT_FALSE(sees(Ethernet() / Ipv6() / Fragment6{.offset = 8} / Tcp{}));
  EXPECT_EQ(capture_->counts().fragments, 1U);
  EXPECT_FALSE(sees(Ethernet() / Ipv6() / Fragment6{.more = true, .next = 6} / Payload{8})) << "half a header";
  EXPECT_EQ(capture_->counts().fragments, 2U);
  EXPECT_FALSE(sees(Ethernet() / Ipv6() / Fragment6{.offset = 8} / Udp{}));
  EXPECT_EQ(capture_->counts().fragments, 2U);
}

TEST_F(KernelCapture, EthernetAndLoopbackAreReadable) {
  EXPECT_TRUE(interface(net_->edge(), "eth0").readable);
  EXPECT_TRUE(interface(net_->edge(), "lo").readable);
}

// A tun device; it is made where the file is opened. What is written into it comes in.
UniqueFd make_tun(const NetNs& space, const char* name) {
  UniqueFd tun;
  space.in([&] {
    tun = UniqueFd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!tun) return;
    ifreq request{};
    std::strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    EXPECT_EQ(ioctl(tun.get(), TUNSETIFF, &request), 0) << std::strerror(errno);
    const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    request.ifr_flags = IFF_UP;
    EXPECT_EQ(ioctl(any.get(), SIOCSIFFLAGS, &request), 0) << std::strerror(errno);
  });
  return tun;
}

TEST_F(KernelCapture, DevicesWithoutALinkHeaderAreRead) {
  const UniqueFd tun = make_tun(net_->edge(), "tun9");
  if (!tun) GTEST_SKIP() << "no /dev/net/tun";
  const CaptureInterface found = interface(net_->edge(), "tun9");
  EXPECT_TRUE(found.readable && found.raw_ip);
  open({.interfaces = {found}, .ports = {{443, 443}}});
  const auto comes = [&](const test::Frame& frame) {
    const auto whole = frame.bytes();
    const std::span packet = std::span(whole).subspan(ETH_HLEN);
    EXPECT_EQ(::write(tun.get(), packet.data(), packet.size()), static_cast<ssize_t>(packet.size()));
    const auto seen = take();
    EXPECT_TRUE(seen.empty() || seen.front().kept == packet.size()) << "from the IP header on";
    return seen.size() == 1;
  };
  EXPECT_TRUE(comes(Ethernet() / Ipv4() / Tcp{} / Payload{10}));
  EXPECT_TRUE(comes(Ethernet() / Ipv6() / Tcp{} / Payload{10}));
  EXPECT_TRUE(comes(Ethernet() / Ipv4() / Tcp{.source_port = 443, .destination_port = 40000}));
  EXPECT_FALSE(comes(Ethernet() / Ipv4() / Tcp{.destination_port = 80}));
  EXPECT_FALSE(comes(Ethernet() / Ipv4() / Udp{.destination_port = 443}));
  capture_->set_shedding({.headers_only = true});
  const auto answer = (Ethernet() / Ipv4() / Tcp{.source_port = 443, .destination_port = 40000} / Payload{500}).bytes();
  EXPECT_GT(::write(tun.get(), answer.data() + ETH_HLEN, answer.size() - ETH_HLEN), 0);
  const auto shed = take();
  ASSERT_EQ(shed.size(), 1U);
  EXPECT_EQ(shed.front().kept, 40U) << "headers, and nothing behind them";
}

TEST_F(KernelCapture, OtherInterfacesAreNotSeenUntilTheScopeNamesThem) {
  CaptureScope scope = https();
  const CaptureInterface eth0 = scope.interfaces.front();
  scope.interfaces = {interface(net_->edge(), "lo")};
  open(scope);
  EXPECT_FALSE(sees(Ethernet() / Ipv4() / Tcp{}));
  scope.interfaces.push_back(eth0);
  ASSERT_TRUE(capture_->set_scope(scope));
  EXPECT_TRUE(sees(Ethernet() / Ipv4() / Tcp{}));
  scope.ports = {{8000, 8100}};
  ASSERT_TRUE(capture_->set_scope(scope));
  EXPECT_FALSE(sees(Ethernet() / Ipv4() / Tcp{}));
  EXPECT_TRUE(sees(Ethernet() / Ipv4() / Tcp{.destination_port = 8100}));
  scope.interfaces = {};
  ASSERT_TRUE(capture_->set_scope(scope));
  EXPECT_FALSE(sees(Ethernet() / Ipv4() / Tcp{.destination_port = 8100}));
}

TEST_F(KernelCapture, LoopbackIsSeenOnce) {
  open({.interfaces = {interface(net_->edge(), "lo")}, .ports = {{9001, 9001}}});
  const harness::RawSocket lo(net_->edge(), "lo");
  lo.send((Ethernet() / Ipv4{.source = "127.0.0.1", .destination = "127.0.0.1"} / Tcp{.destination_port = 9001} /
           Payload{.size = 10})
              .bytes());
  EXPECT_EQ(take().size(), 1U);
}

TEST_F(KernelCapture, SuperPacketsComeWhole) {
  net_->world().sh("ethtool -K eth0 tso on gso on >/dev/null 2>&1 || true");
  open(net_->world(), {.interfaces = {interface(net_->world(), "eth0")}, .ports = {{7000, 7000}}});
  const harness::EchoServer server(net_->edge(), 7000);
  const harness::TcpClient client(net_->world(), harness::Topology::kWorld4, harness::Topology::kEdge4, 7000,
                                  std::chrono::seconds(5));
  ASSERT_TRUE(client.connected());
  ASSERT_TRUE(client.echo(200'000, std::chrono::seconds(10)));
  std::size_t largest = 0;
  for (const auto& packet : take()) largest = std::max(largest, packet.kept);
  EXPECT_GT(largest, 3000U) << "larger than any MTU here, so not cut into segments";
}

TEST_F(KernelCapture, ShedPayloadOfServersLeavesHeaders) {
  open(https());
  capture_->set_shedding({.shed = 0, .headers_only = true});
  const test::Tcp from_server{.source_port = 443, .destination_port = 40000, .header_words = 8};
  world_->send((Ethernet() / Ipv4() / from_server / Payload{.size = 1000}).bytes());
  auto seen = take();
  ASSERT_EQ(seen.size(), 1U);
  std::vector<char> buffer(2000);
  world_->send((Ethernet() / Ipv4() / from_server / Payload{.size = 1000}).bytes());
  ASSERT_TRUE(harness::eventually(
      [&] {
        const ssize_t size = recv(sockets_[0].get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        return size == 14 + 20 + 32;
      },
      std::chrono::seconds(2)));
  world_->send((Ethernet() / Ipv4() / Tcp{.destination_port = 443} / Payload{.size = 1000}).bytes());
  ASSERT_TRUE(harness::eventually(
      [&] {
        const ssize_t size = recv(sockets_[0].get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        return size == 14 + 20 + 20 + 1000;
      },
      std::chrono::seconds(2)))
      << "what clients send stays whole";
}

TEST_F(KernelCapture, ASampleIsWholeConnections) {
  CaptureScope scope = https();
  scope.sample = 0.5;
  scope.seed = kSeed;
  open(scope);
  unsigned sampled = 0;
  for (std::uint16_t port = 1000; port < 1100; ++port) {
    world_->send((Ethernet() / Ipv4() / Tcp{.source_port = port}).bytes());
    world_->send((Ethernet() / Ipv4{.source = "198.51.100.1", .destination = "192.0.2.1"} /
                  Tcp{.source_port = 443, .destination_port = port})
                     .bytes());
  }
  std::map<int, int> directions;
  std::vector<unsigned char> buffer(2000);
  pollfd source{sockets_[0].get(), POLLIN, 0};
  while (poll(&source, 1, kQuietMs) > 0) {
    if (recv(source.fd, buffer.data(), buffer.size(), MSG_DONTWAIT) < 38) continue;
    const int from = buffer[34] << 8 | buffer[35];
    const int to = buffer[36] << 8 | buffer[37];
    ++directions[from == 443 ? to : from];
  }
  for (const auto& [port, seen] : directions) EXPECT_EQ(seen, 2) << port;
  sampled = static_cast<unsigned>(directions.size());
  EXPECT_GT(sampled, 25U);
  EXPECT_LT(sampled, 75U);
}

// Filter and inspector have to leave out the same connections.
TEST_F(KernelCapture, TheSampleIsTheInspectorsOwn) {
  CaptureScope scope = https();
  scope.sample = 0.5;
  scope.seed = kSeed;
  open(scope);
  const inspect::Endpoint server{*Address::parse("2001:db8:1::1"), 443};
  unsigned captured = 0;
  for (std::uint16_t port = 2000; port < 2016; ++port) {
    const inspect::Flow flow{{*Address::parse("2001:db8::1"), port}, server};
    const bool wanted = inspect::in_share(inspect::flow_hash(flow, kSeed), scope.sample);
    EXPECT_EQ(sees(Ethernet() / Ipv6() / Tcp{.source_port = port}), wanted) << port;
    captured += wanted ? 1 : 0;
  }
  EXPECT_GT(captured, 0U);
  EXPECT_LT(captured, 16U);
}

TEST_F(KernelCapture, AConnectionThatWasShedStaysOut) {
  open(https());
  const Ipv4 there{.source = "192.0.2.9"};
  capture_->set_shedding({.shed = 1, .headers_only = false});
  EXPECT_TRUE(sees(Ethernet() / there / Tcp{.source_port = 5000, .ack = true})) << "it was there before";
  EXPECT_FALSE(sees(Ethernet() / there / Tcp{.source_port = 5001, .syn = true}));
  capture_->set_shedding({});
  EXPECT_FALSE(sees(Ethernet() / there / Tcp{.source_port = 5001, .ack = true}));
  EXPECT_FALSE(sees(Ethernet() / Ipv4{.source = "198.51.100.1", .destination = "192.0.2.9"} /
                    Tcp{.source_port = 443, .destination_port = 5001, .syn = true, .ack = true}));
  EXPECT_EQ(capture_->counts().shed_connections, 1U);
  EXPECT_EQ(capture_->counts().shed_packets, 3U);
  EXPECT_TRUE(sees(Ethernet() / there / Tcp{.source_port = 5001, .syn = true})) << "a new connection of that port";
  EXPECT_TRUE(sees(Ethernet() / there / Tcp{.source_port = 5001, .ack = true}));
}

TEST_F(KernelCapture, SeveralSocketsShareByConnection) {
  open(https(), 2);
  for (std::uint16_t port = 1000; port < 1100; ++port) {
    world_->send((Ethernet() / Ipv4() / Tcp{.source_port = port, .ack = true}).bytes());
    world_->send((Ethernet() / Ipv4{.source = "198.51.100.1", .destination = "192.0.2.1"} /
                  Tcp{.source_port = 443, .destination_port = port, .ack = true})
                     .bytes());
  }
  const std::size_t first = take(0).size();
  const std::size_t second = take(1).size();
  EXPECT_EQ(first + second, 200U);
  EXPECT_EQ(first % 2, 0U) << "both directions on the same socket";
  EXPECT_GT(first, 0U);
  EXPECT_GT(second, 0U);
}

TEST_F(KernelCapture, TheFilterCannotBeChanged) {
  open(https());
  sock_filter all[] = {{BPF_RET | BPF_K, 0, 0, 0xffffffff}};
  const sock_fprog program{.len = 1, .filter = all};
  EXPECT_EQ(setsockopt(sockets_[0].get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(setsockopt(sockets_[0].get(), SOL_SOCKET, SO_DETACH_FILTER, &program, sizeof program), -1);
  EXPECT_EQ(errno, EPERM);
  const int off = 0;
  EXPECT_EQ(setsockopt(sockets_[0].get(), SOL_SOCKET, SO_LOCK_FILTER, &off, sizeof off), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST_F(KernelCapture, NothingComesInBeforeTheFilter) {
  const auto set = capture_->set_scope(https());
  ASSERT_TRUE(set);
  net_->edge().in([&] {
    auto opened = capture_->open(1, [&](int fd) -> Status {
      world_->send((Ethernet() / Ipv4() / Tcp{.destination_port = 80}).bytes());
      world_->send((Ethernet() / Ipv4() / Tcp{.destination_port = 443}).bytes());
      char byte = 0;
      pollfd source{fd, POLLIN, 0};
      EXPECT_EQ(poll(&source, 1, kQuietMs), 0) << "deaf until it is ready";
      EXPECT_EQ(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
      return {};
    });
    ASSERT_TRUE(opened) << opened.error().message;
    sockets_ = std::move(*opened);
  });
  EXPECT_TRUE(take().empty());
  EXPECT_TRUE(sees(Ethernet() / Ipv4() / Tcp{.destination_port = 443}));
}

TEST_F(KernelCapture, TooManyInterfacesAreRefused) {
  CaptureScope scope;
  for (unsigned i = 1; i <= 257; ++i) scope.interfaces.push_back({.index = i, .loopback = false});
  const auto set = capture_->set_scope(scope);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace tidegate::kernel
