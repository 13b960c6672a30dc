// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/host_facts.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>

#include "agent/base/unique_fd.hpp"
#include "tests/unit/base/child.hpp"
#include "tests/unit/decisions/support.hpp"

namespace tidegate::decisions {
namespace {

using test::prefix;
using test::TempDir;
using test::value_of;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> shown(const std::vector<Fact>& facts) {
  std::vector<std::string> all;
  for (const Fact& fact : facts) all.push_back(fact.prefix.to_string() + " " + fact.detail);
  return all;
}

// In a network namespace of its own with an interface tg0.
bool enter_network() {
  if (unshare(CLONE_NEWNET) != 0) return false;
  return std::system(
             "ip link set lo up && ip link add tg0 type veth peer name tg1 && ip addr add 192.0.2.10/24 dev tg0 && "
             "ip addr add 2001:db8::10/64 dev tg0 nodad && ip link set tg0 up && ip link set tg1 up") == 0;
}

class HostFactsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!tidegate::test::may_mount()) GTEST_SKIP() << "a network namespace needs CAP_SYS_ADMIN";
  }
  static void in_network(const std::function<void()>& body) {
    tidegate::test::in_child([&] {
      ASSERT_TRUE(enter_network()) << "ip(8) is needed";
      body();
    });
  }
};

// A listening and a connected TCP socket on loopback; the server side's port is `port`, 0: any.
struct Connection {
  explicit Connection(std::uint16_t wanted) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(0x7f000001);
    address.sin_port = htons(wanted);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener.get(), generic, size), 0);
    EXPECT_EQ(listen(listener.get(), 1), 0);
    EXPECT_EQ(getsockname(listener.get(), generic, &size), 0);
    port = ntohs(address.sin_port);
    // The client's own address tells it from everything else.
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(0x7f000009);
    EXPECT_EQ(bind(client.get(), reinterpret_cast<sockaddr*>(&from), sizeof from), 0);
    EXPECT_EQ(connect(client.get(), generic, size), 0);
    server.reset(accept(listener.get(), nullptr, nullptr));
    EXPECT_TRUE(server);
  }
  UniqueFd listener{socket(AF_INET, SOCK_STREAM, 0)};
  UniqueFd client{socket(AF_INET, SOCK_STREAM, 0)};
  UniqueFd server;
  std::uint16_t port = 0;
};

HostPaths nowhere(const TempDir& directory) {
  return {.proc = directory / "proc",
          .resolv_confs = {directory / "resolv.conf"},
          .sshd_configs = {directory / "sshd_config"}};
}

TEST_F(HostFactsTest, OwnAddressesOfEveryInterface) {
  in_network([] {
    const auto facts = shown(value_of(own_addresses()));
    EXPECT_THAT(facts, Contains("192.0.2.10 tg0"));
    EXPECT_THAT(facts, Contains("2001:db8::10 tg0"));
    EXPECT_THAT(facts, Contains("127.0.0.0/8 loopback"));
    EXPECT_THAT(facts, Contains("::1 loopback"));
  });
}

TEST_F(HostFactsTest, DefaultGatewaysOfEveryTableAndPath) {
  in_network([] {
    EXPECT_THAT(value_of(default_gateways()), IsEmpty());
    ASSERT_EQ(
        std::system("ip route add default via 192.0.2.1 dev tg0 && "
                    "ip route add default table 77 nexthop via 192.0.2.2 dev tg0 nexthop via 192.0.2.3 dev tg0 && "
                    "ip route add 198.51.100.0/24 via 192.0.2.99 dev tg0 && "
                    "ip -6 route add default via 2001:db8::1 dev tg0"),
        0);
    EXPECT_THAT(shown(value_of(default_gateways())),
                UnorderedElementsAre("192.0.2.1 tg0", "192.0.2.2 tg0", "192.0.2.3 tg0", "2001:db8::1 tg0"));
  });
}

TEST(HostFacts, DnsServersOnceEach) {
  const TempDir directory;
  std::ofstream(directory / "resolv.conf")
      << "# nameserver 192.0.2.9\nsearch example.org\nnameserver 192.0.2.53\n"
         "nameserver   fe80::1%eth0\nnameserver 192.0.2.53\nnameserver nonsense\noptions edns0\n";
  EXPECT_THAT(shown(dns_servers(nowhere(directory))), ElementsAre("192.0.2.53 ", "fe80::1 "));
  EXPECT_THAT(dns_servers({.proc = {}, .resolv_confs = {"/nonexistent"}, .sshd_configs = {}}), IsEmpty());
}

TEST_F(HostFactsTest, SshPeersByTheUsualPort) {
  in_network([] {
    const TempDir directory;
    EXPECT_THAT(value_of(ssh_peers(nowhere(directory))), IsEmpty());
    const Connection ssh(22);
    const Connection other(80);
    EXPECT_THAT(shown(value_of(ssh_peers(nowhere(directory)))), ElementsAre("127.0.0.9 to port 22"));
  });
}

TEST_F(HostFactsTest, SshPeersByTheConfiguredPort) {
  in_network([] {
    const TempDir directory;
    const Connection ssh(0);
    const std::string port = std::to_string(ssh.port);
    EXPECT_THAT(value_of(ssh_peers(nowhere(directory))), IsEmpty());
    for (const std::string& line :
         {"Port " + port, "  port\t" + port, "ListenAddress 127.0.0.1:" + port, "ListenAddress [::]:" + port}) {
      std::ofstream(directory / "sshd_config") << "#Port 1\n" << line << "\n";
      EXPECT_THAT(shown(value_of(ssh_peers(nowhere(directory)))), ElementsAre("127.0.0.9 to port " + port)) << line;
    }
  });
}

TEST_F(HostFactsTest, SshPeersByTheProcessThatListens) {
  in_network([] {
    const TempDir directory;
    const Connection ssh(0);
    // A /proc in which this process is called sshd.
    const auto process = directory.path() / "proc" / "77";
    std::filesystem::create_directories(process);
    std::filesystem::create_symlink("/proc/self/fd", process / "fd");
    std::ofstream(process / "comm") << "bash\n";
    EXPECT_THAT(value_of(ssh_peers(nowhere(directory))), IsEmpty());
    std::ofstream(process / "comm") << "sshd\n";
    EXPECT_THAT(shown(value_of(ssh_peers(nowhere(directory)))),
                ElementsAre("127.0.0.9 to port " + std::to_string(ssh.port)));
  });
}

TEST(HostFacts, TheCallersWordIsChecked) {
  EXPECT_THAT(shown(value_of(caller_facts({"192.0.2.7", "fe80::7%eth0"}))), ElementsAre("192.0.2.7 ", "fe80::7 "));
  EXPECT_FALSE(caller_facts({"nobody"}));
}

TEST_F(HostFactsTest, AllTogether) {
  in_network([] {
    const TempDir directory;
    ASSERT_EQ(std::system("ip route add default via 192.0.2.1 dev tg0"), 0);
    std::ofstream(directory / "resolv.conf") << "nameserver 192.0.2.53\n";
    const Connection ssh(22);
    const HostFacts found = collect_host_facts(nowhere(directory));
    EXPECT_THAT(found.problems, IsEmpty());
    const Guard guard(found.facts);
    for (const char* target : {"192.0.2.10", "192.0.2.1", "192.0.2.53", "127.0.0.9", "2001:db8::10"}) {
      EXPECT_FALSE(guard.check(prefix(target), Action::kBlock)) << target;
    }
    EXPECT_TRUE(guard.check(prefix("192.0.2.77"), Action::kBlock));
  });
}

}  // namespace
}  // namespace tidegate::decisions
