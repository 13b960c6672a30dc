// SPDX-License-Identifier: Apache-2.0
// Blocks and limits through the pinned maps, seen by the real program.
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <map>

#include "bpf/abi/reasons.h"
#include "tests/harness/packet.hpp"
#include "tests/integration/kernel/fixture.hpp"

namespace tidegate::kernel {
namespace {

constexpr std::uint32_t kMillion = 1'000'000;

std::vector<BlockEntry> hosts(std::uint32_t count) {
  std::vector<BlockEntry> entries;
  entries.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    entries.push_back({Prefix::host(Address::from_v4(0x0a000000U + i)), std::nullopt});
  }
  return entries;
}

FlowBlock connection(std::uint16_t port, MonotonicTime expires = std::chrono::hours(1000000),
                     const std::string& client = "198.51.100.7") {
  return {.connection = {.client = Address::parse(client).value(),
                         .server = Address::parse(harness::Topology::kEdge4).value(),
                         .client_port = port,
                         .server_port = 443},
          .expires = expires,
          .decision = 7,
          .rule = "noisy"};
}

// In parts of three.
EntryStream stream_of(std::span<const BlockEntry> blocks, std::span<const LimitEntry> limits = {}) {
  return [blocks, limits](const std::function<Status(const Entries&)>& take) -> Status {
    for (std::size_t at = 0; at < blocks.size(); at += 3) {
      TIDEGATE_TRY(take({.blocks = blocks.subspan(at, std::min<std::size_t>(3, blocks.size() - at)), .limits = {}}));
    }
    return take({.blocks = {}, .limits = limits});
  };
}

class KernelTables : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    datapath_ = open();
    ASSERT_TRUE(datapath_->apply(*image_with_default(0), {{"all", 0}}, 1));
    ASSERT_TRUE(attach(*datapath_).attached);
    program_.emplace(pin("link_eth0"));
  }
  void TearDown() override {
    program_.reset();
    datapath_.reset();
    KernelTest::TearDown();
  }
  bool dropped(const std::string& source) const { return program_->run(udp_frame(source, 53)) == XDP_DROP; }
  bool connection_dropped(std::uint16_t port) const {
    const auto frame = test::Ethernet() /
                       test::Ipv4{.source = "198.51.100.7", .destination = harness::Topology::kEdge4} /
                       test::Tcp{.source_port = port, .destination_port = 443, .ack = true};
    return program_->run(frame.bytes()) == XDP_DROP;
  }
  // A TCP connection of the world to the edge, to the end of its handshake.
  void connect_from_world() const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, harness::Topology::kEdge4, &address.sin_addr);
    UniqueFd listener, client;
    net_->edge().in([&] {
      listener.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      ASSERT_EQ(listen(listener.get(), 1), 0);
      socklen_t size = sizeof address;
      ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    });
    net_->world().in([&] {
      client.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    });
    const UniqueFd accepted(accept(listener.get(), nullptr, nullptr));
    ASSERT_TRUE(accepted);
  }
  std::map<std::string, TableFill> fills() const {
    std::map<std::string, TableFill> fills;
    for (const auto& fill : datapath_->tables()) fills[fill.name] = fill;
    return fills;
  }

  std::unique_ptr<Datapath> datapath_;
  std::optional<LinkedProgram> program_;
};

TEST_F(KernelTables, ABlockHoldsUntilItIsRemoved) {
  const std::vector<Prefix> targets{prefix("203.0.113.0/24"), prefix("198.51.100.7")};
  EXPECT_FALSE(dropped("203.0.113.5"));
  ASSERT_TRUE(datapath_->put_blocks(std::vector<BlockEntry>{{targets[0], std::nullopt}, {targets[1], std::nullopt}}));
  EXPECT_TRUE(dropped("203.0.113.5"));
  EXPECT_TRUE(dropped("198.51.100.7"));
  EXPECT_FALSE(dropped("198.51.100.8"));
  ASSERT_TRUE(datapath_->remove_blocks(targets));
  EXPECT_FALSE(dropped("203.0.113.5"));
  EXPECT_FALSE(dropped("198.51.100.7"));
}

TEST_F(KernelTables, ABlockEndsByItselfWithoutTheAgent) {
  const auto now = system_clock().monotonic();
  ASSERT_TRUE(datapath_->put_blocks(std::vector<BlockEntry>{{prefix("203.0.113.5"), now - std::chrono::seconds(1)},
                                                            {prefix("203.0.113.6"), now + std::chrono::hours(1)}}));
  EXPECT_FALSE(dropped("203.0.113.5"));
  EXPECT_TRUE(dropped("203.0.113.6"));
  EXPECT_EQ(fills()["blocks"].entries, 2U);
  datapath_->sweep();
  for (int round = 0; round < 12; ++round) datapath_->sweep();
  EXPECT_EQ(fills()["blocks"].entries, 1U);
}

TEST_F(KernelTables, AMillionBlocks) {
  const auto entries = hosts(kMillion);
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(datapath_->put_blocks(entries));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::cout << "blocks per second: " << static_cast<long>(kMillion / took.count()) << '\n';
  EXPECT_LT(took.count(), 2.0);
  EXPECT_EQ(fills()["blocks"].entries, kMillion);
  EXPECT_LT(fills()["blocks"].memory_bytes, 40U << 20);
  EXPECT_GT(fills()["blocks"].memory_bytes, 16U << 20);
  EXPECT_TRUE(dropped("10.0.0.0"));
  EXPECT_TRUE(dropped("10.7.3.9"));
  EXPECT_TRUE(dropped("10.15.66.63"));  // the last: 10.0.0.0 + 999,999
  EXPECT_FALSE(dropped("10.15.66.64"));
  const auto replace = std::chrono::steady_clock::now();
  ASSERT_TRUE(datapath_->replace_entries(stream_of(std::span(entries).first(10))));
  std::cout << "replaced by ten in ms: "
            << std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - replace).count() << '\n';
  EXPECT_EQ(fills()["blocks"].entries, 10U);
  EXPECT_FALSE(dropped("10.7.3.9"));
  EXPECT_TRUE(dropped("10.0.0.9"));
}

TEST_F(KernelTables, AFullTableSaysSoAndKeepsWhatFits) {
  datapath_.reset();
  auto small = options();
  small.blocks = 1024;
  datapath_ = open(small);
  ASSERT_TRUE(datapath_->apply(*image_with_default(0), {{"all", 0}}, 1));
  attach(*datapath_);
  program_.emplace(pin("link_eth0"));
  const auto status = datapath_->put_blocks(hosts(2000));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(status.error().message.find("tables.blocks"), std::string::npos) << status.error().message;
  EXPECT_TRUE(dropped("10.0.0.0"));
  EXPECT_TRUE(dropped("10.0.3.255"));  // the 1,024th
  EXPECT_EQ(fills()["blocks"].entries, fills()["blocks"].capacity);
}

// Nothing of what is in both may be missing at any moment, also where old and new together have no room.
TEST_F(KernelTables, AReplacementOfAFullTableMissesNothingThatStays) {
  datapath_.reset();
  auto small = options();
  small.blocks = 1024;
  datapath_ = open(small);
  ASSERT_TRUE(datapath_->apply(*image_with_default(0), {{"all", 0}}, 1));
  attach(*datapath_);
  program_.emplace(pin("link_eth0"));
  const auto entries = hosts(1500);
  ASSERT_TRUE(datapath_->put_blocks(std::span(entries).first(1000)));
  LimitEntry limit{.target = prefix("203.0.113.0/24"), .expires = {}};
  limit.packets_cost = 1;
  ASSERT_TRUE(datapath_->put_limits(std::vector{limit}));
  limit.target = prefix("198.51.100.0/24");
  const auto next = stream_of(std::span(entries).subspan(500), std::span(&limit, 1));
  ASSERT_TRUE(datapath_->replace_entries([&](const auto& take) {
    return next([&](const Entries& part) {
      EXPECT_TRUE(dropped("10.0.1.244")) << "the 501st is in both";
      return take(part);
    });
  }));
  EXPECT_EQ(fills()["blocks"].entries, 1000U);
  EXPECT_EQ(fills()["limits"].entries, 1U);
  EXPECT_FALSE(dropped("10.0.1.243"));
  EXPECT_TRUE(dropped("10.0.1.244"));
  EXPECT_TRUE(dropped("10.0.5.219"));  // the 1,500th
  const auto refused = datapath_->replace_entries(stream_of(entries));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(dropped("10.0.0.0")) << "what fits is in";
  EXPECT_TRUE(dropped("10.0.5.219")) << "what was there is not pushed out";
  EXPECT_EQ(fills()["blocks"].entries, fills()["blocks"].capacity);
}

TEST_F(KernelTables, AStreamThatFailsDropsNothing) {
  const auto entries = hosts(10);
  ASSERT_TRUE(datapath_->put_blocks(entries));
  const auto failed = datapath_->replace_entries([&](const auto& take) -> Status {
    TIDEGATE_TRY(take({.blocks = std::span(entries).first(2), .limits = {}}));
    return fail(ErrorCode::kDataLoss, "the store is damaged");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "the store is damaged");
  EXPECT_EQ(fills()["blocks"].entries, 10U);
}

TEST_F(KernelTables, ALimitHoldsForEachSourceOfItsPrefix) {
  LimitEntry limit{.target = prefix("203.0.113.0/24"), .expires = {}};
  limit.packets_cost = 1'000'000'000;
  limit.packets_burst = 2'000'000'000;  // two packets, then one a second
  ASSERT_TRUE(datapath_->put_limits(std::vector{limit}));
  for (const char* source : {"203.0.113.5", "203.0.113.6"}) {
    EXPECT_FALSE(dropped(source));
    EXPECT_FALSE(dropped(source));
    EXPECT_TRUE(dropped(source)) << source;
  }
  EXPECT_FALSE(dropped("198.51.100.1"));
  const auto buckets = datapath_->buckets_of(Address::parse("203.0.113.5").value());
  ASSERT_EQ(buckets.size(), 1U);
  EXPECT_EQ(buckets[0].service, unsigned{TG_SERVICE_LIMITED});
  EXPECT_GT(buckets[0].tats.packets, static_cast<std::uint64_t>(system_clock().monotonic().count()));
  EXPECT_EQ(fills()["limits"].entries, 1U);
  EXPECT_GE(fills()["buckets"].entries, 2U);
  ASSERT_TRUE(datapath_->replace_entries(stream_of({})));
  EXPECT_FALSE(dropped("203.0.113.5"));
  EXPECT_EQ(fills()["limits"].entries, 0U);
}

TEST_F(KernelTables, AFullTableOfLimitsSaysSoAndKeepsWhatFits) {
  const auto capacity = fills()["limits"].capacity;
  std::vector<LimitEntry> limits(capacity + 1);
  for (std::uint32_t i = 0; i < limits.size(); ++i) {
    limits[i].target = Prefix::host(Address::from_v4(0x0a000000U + i));
    limits[i].packets_cost = limits[i].packets_burst = 1'000'000'000;  // one packet, then one a second
  }
  const auto status = datapath_->put_limits(limits);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(status.error().message.find("table limits is full"), std::string::npos) << status.error().message;
  EXPECT_EQ(fills()["limits"].entries, capacity);
  EXPECT_FALSE(dropped("10.0.0.0"));
  EXPECT_TRUE(dropped("10.0.0.0")) << "what fits holds";
  ASSERT_TRUE(datapath_->remove_limits(std::vector{limits.front().target}));
  ASSERT_TRUE(datapath_->put_limits(std::span(limits).last(1)));
  EXPECT_FALSE(dropped("10.1.0.0"));
  EXPECT_TRUE(dropped("10.1.0.0")) << "the 65,537th has room now";
}

TEST_F(KernelTables, LimitsAreAdopted) {
  LimitEntry limit{.target = prefix("2001:db8::/48"), .expires = {}};
  limit.packets_cost = 1;
  ASSERT_TRUE(datapath_->put_limits(std::vector{limit}));
  datapath_.reset();
  datapath_ = open();
  EXPECT_EQ(fills()["limits"].entries, 1U);
  ASSERT_TRUE(datapath_->remove_limits(std::vector{limit.target}));
  EXPECT_EQ(fills()["limits"].entries, 0U);
}

TEST_F(KernelTables, EveryTableStatesItsMemory) {
  for (const auto& [name, fill] : fills()) EXPECT_GT(fill.memory_bytes, 0U) << name;
  EXPECT_GE(fills()["buckets"].memory_bytes, 65536U * 40);
}

TEST_F(KernelTables, EventsArriveOnceEach) {
  for (int i = 0; i < 100; ++i) dropped("198.51.100.9");
  std::uint64_t weight = 0;
  const auto sink = [&](const tg_event& event) {
    EXPECT_EQ(event.source.lo, TG_V4_MAPPED | 0xc6336409U);
    weight += event.weight_packets;
  };
  const auto events = datapath_->poll_events(sink);
  ASSERT_TRUE(events);
  EXPECT_GE(*events, 1U);
  EXPECT_LE(weight, 100U);
  EXPECT_EQ(datapath_->poll_events(sink).value(), 0U);
}

TEST_F(KernelTables, ASourceIsProvenByAnEstablishedConnectionForTwoGenerations) {
  const auto peer = Address::parse(harness::Topology::kWorld4).value();
  EXPECT_FALSE(datapath_->is_proven(peer));
  connect_from_world();
  EXPECT_TRUE(datapath_->is_proven(peer));
  datapath_->rotate_proven();
  EXPECT_TRUE(datapath_->is_proven(peer));
  datapath_->rotate_proven();
  EXPECT_FALSE(datapath_->is_proven(peer));
}

TEST_F(KernelTables, AConnectionIsBlockedUntilItIsRemoved) {
  const auto blocked = connection(40000);
  EXPECT_FALSE(connection_dropped(40000));
  ASSERT_TRUE(datapath_->put_flow_blocks(std::vector{blocked}));
  EXPECT_TRUE(connection_dropped(40000));
  EXPECT_FALSE(connection_dropped(40001));
  EXPECT_FALSE(dropped("198.51.100.7"));
  EXPECT_EQ(fills()["flow_blocks"].entries, 1U);
  EXPECT_EQ(fills()["flow_blocks"].capacity, std::uint64_t{TG_FLOW_BLOCKS});
  EXPECT_EQ(datapath_->counters().by_service_reason[TG_SERVICE_NONE * 64 + TG_REASON_BLOCKED_FLOW].dropped_packets, 1U);
  ASSERT_TRUE(datapath_->remove_flow_blocks(std::vector{blocked.connection}));
  EXPECT_FALSE(connection_dropped(40000));
  EXPECT_EQ(fills()["flow_blocks"].entries, 0U);
}

TEST_F(KernelTables, ABlockedConnectionEndsByItselfWithoutTheAgent) {
  const auto now = system_clock().monotonic();
  ASSERT_TRUE(datapath_->put_flow_blocks(
      std::vector{connection(40000, now - std::chrono::seconds(1)), connection(40001, now + std::chrono::hours(1))}));
  EXPECT_FALSE(connection_dropped(40000));
  EXPECT_TRUE(connection_dropped(40001));
  datapath_->sweep();
  EXPECT_EQ(fills()["flow_blocks"].entries, 1U);
  ASSERT_TRUE(datapath_->put_flow_blocks(std::vector{connection(40001, now - std::chrono::seconds(1))})) << "replaced";
  EXPECT_FALSE(connection_dropped(40001));
}

// The filter grows and shrinks with them: none is missed, and in the end it is out of use.
TEST_F(KernelTables, AFullTableOfBlockedConnections) {
  std::vector<FlowBlock> all;
  for (std::uint32_t i = 0; i < TG_FLOW_BLOCKS; ++i) all.push_back(connection(static_cast<std::uint16_t>(i)));
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(datapath_->put_flow_blocks(all));
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  std::cout << "microseconds a connection: " << took.count() / TG_FLOW_BLOCKS << '\n';
  for (std::uint32_t port = 0; port < TG_FLOW_BLOCKS; port += 251)
    EXPECT_TRUE(connection_dropped(static_cast<std::uint16_t>(port))) << port;
  const auto full = datapath_->put_flow_blocks(std::vector{connection(1, std::chrono::hours(1), "198.51.100.8")});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(full.error().message.find("flow_blocks is full at 65536"), std::string::npos);
  EXPECT_TRUE(datapath_->put_flow_blocks(std::vector{connection(9)})) << "what is there may be replaced";
  std::cout << "bytes of a full table: " << fills()["flow_blocks"].memory_bytes << '\n';
  std::vector<Connection> most;
  for (std::uint32_t i = 0; i < TG_FLOW_BLOCKS - 1; ++i) most.push_back(all[i].connection);
  ASSERT_TRUE(datapath_->remove_flow_blocks(most));
  datapath_->sweep();
  EXPECT_TRUE(connection_dropped(65535));
  EXPECT_FALSE(connection_dropped(9));
  ASSERT_TRUE(datapath_->remove_flow_blocks(std::vector{all.back().connection}));
  datapath_->sweep();
  EXPECT_FALSE(connection_dropped(65535));
  EXPECT_EQ(fills()["flow_blocks"].entries, 0U);
}

TEST_F(KernelTables, ExpiredConnectionsMakeRoom) {
  const auto past = system_clock().monotonic() - std::chrono::seconds(1);
  std::vector<FlowBlock> all;
  for (std::uint32_t i = 0; i < TG_FLOW_BLOCKS; ++i) all.push_back(connection(static_cast<std::uint16_t>(i), past));
  ASSERT_TRUE(datapath_->put_flow_blocks(all));
  const auto now = past + std::chrono::hours(1);
  EXPECT_TRUE(datapath_->put_flow_blocks(std::vector{connection(1, now, "198.51.100.8")}));
  EXPECT_EQ(fills()["flow_blocks"].entries, 1U);
}

}  // namespace
}  // namespace tidegate::kernel
