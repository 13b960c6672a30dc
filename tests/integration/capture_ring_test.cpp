// SPDX-License-Identifier: Apache-2.0
// The capture ring as the kernel fills it, read through reassembly.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>

#include "agent/inspect/capture/ring.hpp"
#include "agent/inspect/tcp/connection_table.hpp"
#include "tests/harness/netns.hpp"
#include "tests/harness/sockets.hpp"
#include "tests/integration/capture_socket.hpp"

namespace tidegate::harness {
namespace {

using inspect::Direction;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint16_t kPort = 8443;
constexpr inspect::RingGeometry kGeometry{.block_size = 1 << 18, .blocks = 16};

struct Seen {
  std::uint64_t bytes[2] = {0, 0};
  std::uint64_t missing = 0;
  unsigned connections = 0;
  unsigned mid_stream = 0;
  unsigned finished = 0;
};

class CountingSink final : public inspect::StreamSink {
 public:
  explicit CountingSink(Seen& seen) : seen_(seen) {}
  void data(Direction direction, inspect::Bytes bytes, WallTime) override {
    seen_.bytes[index_of(direction)] += bytes.size();
  }
  void skipped(Direction, std::uint64_t, WallTime) override {}
  void gap(Direction, std::uint64_t size, WallTime) override { seen_.missing += size; }
  void end(Direction, inspect::StreamEnd how, WallTime) override {
    seen_.finished += how == inspect::StreamEnd::kFinished ? 1 : 0;
  }
  std::uint64_t ignores(Direction) const override { return 0; }

 private:
  Seen& seen_;
};

class Owner final : public inspect::ConnectionOwner {
 public:
  bool is_server(const inspect::Endpoint& endpoint) const override { return endpoint.port == kPort; }
  std::unique_ptr<inspect::StreamSink> open(const inspect::Flow&, bool mid_stream, WallTime) override {
    ++seen.connections;
    seen.mid_stream += mid_stream ? 1 : 0;
    return std::make_unique<CountingSink>(seen);
  }
  Seen seen;
};

class CaptureRingTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_isolate()) GTEST_SKIP() << why_not();
  }
  // Reads what comes until `done` or nothing came for a while.
  void read(inspect::Ring& ring, int fd, const std::function<bool()>& done) {
    inspect::CapturedFrame frame;
    inspect::Segment segment;
    for (;;) {
      while (ring.next(frame)) {
        ++frames_;
        largest_ = std::max(largest_, frame.bytes.size());
        last_ = frame.time;
        if (decode_packet(frame.link, frame.bytes, frame.wire_size, frame.time, segment) == inspect::PacketKind::kTcp) {
          table_.add(segment);
        }
      }
      if (done()) return;
      pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
      if (poll(&wait, 1, 2000) <= 0) return;
    }
  }

  Owner owner_;
  inspect::MemoryBudget budget_{64 << 20};
  inspect::Counters counters_;
  inspect::ConnectionTable table_{{}, owner_, budget_, counters_};
  std::uint64_t frames_ = 0;
  std::size_t largest_ = 0;
  WallTime last_{};
};

constexpr std::size_t kBytes = 500'000;

TEST_F(CaptureRingTest, AConversationOverAVethPairIsReadWhole) {
  Topology net;
  const UniqueFd fd = capture_on(net.edge(), "eth0", kGeometry);
  auto ring = inspect::Ring::map(fd.get(), kGeometry);
  ASSERT_TRUE(ring) << ring.error().message;
  const EchoServer server(net.edge(), kPort);
  for (const char* from : {"198.51.100.7", "2001:db8:c::7"}) {
    const std::string to = std::string(from).find(':') == std::string::npos ? Topology::kEdge4 : Topology::kEdge6;
    const TcpClient client(net.world(), from, to, kPort, seconds(5));
    ASSERT_TRUE(client.connected());
    ASSERT_TRUE(client.echo(kBytes, seconds(10)));
  }
  const Seen& seen = owner_.seen;
  read(*ring, fd.get(), [&] { return seen.finished == 4; });
  EXPECT_EQ(seen.connections, 2U);
  EXPECT_EQ(seen.mid_stream, 0U);
  EXPECT_EQ(seen.finished, 4U);
  EXPECT_EQ(seen.bytes[0], 2 * kBytes);
  EXPECT_EQ(seen.bytes[1], 2 * kBytes);
  EXPECT_EQ(seen.missing, 0U);
  EXPECT_GT(largest_, 1514U) << "segments before the device cuts them";
  const auto age = std::chrono::system_clock::now() - last_;
  EXPECT_LT(age, seconds(30));
  EXPECT_GE(age, seconds(0));
  const auto statistics = ring->statistics();
  ASSERT_TRUE(statistics);
  EXPECT_GE(statistics->packets, frames_);
  EXPECT_EQ(statistics->dropped, 0U);
  EXPECT_EQ(ring->damaged(), 0U);
}

// Each packet is seen leaving and arriving.
TEST_F(CaptureRingTest, OverLoopbackEverythingIsSeenTwiceAndHeardOnce) {
  const NetNs space("ring");
  const UniqueFd fd = capture_on(space, "lo", kGeometry);
  auto ring = inspect::Ring::map(fd.get(), kGeometry);
  ASSERT_TRUE(ring) << ring.error().message;
  const EchoServer server(space, kPort);
  {
    const TcpClient client(space, "127.0.0.2", "127.0.0.1", kPort, seconds(5));
    ASSERT_TRUE(client.connected());
    ASSERT_TRUE(client.echo(kBytes, seconds(10)));
  }
  const Seen& seen = owner_.seen;
  read(*ring, fd.get(), [&] { return seen.finished == 2; });
  EXPECT_EQ(seen.connections, 1U);
  EXPECT_EQ(seen.bytes[0], kBytes);
  EXPECT_EQ(seen.bytes[1], kBytes);
  EXPECT_EQ(seen.missing, 0U);
  EXPECT_EQ(counters_.of(inspect::Counter::kOverlapConflicts), 0U);
}

TEST_F(CaptureRingTest, WhatDoesNotFitIsCountedAndReadingGoesOn) {
  Topology net;
  const UniqueFd fd = capture_on(net.edge(), "eth0", kGeometry);
  auto ring = inspect::Ring::map(fd.get(), kGeometry);
  ASSERT_TRUE(ring) << ring.error().message;
  EXPECT_DOUBLE_EQ(ring->fill(), 0);
  const UdpSource source(net.world(), "198.51.100.7", Topology::kEdge4, 9);
  const std::size_t fills = kGeometry.bytes() / 1000;
  for (std::size_t i = 0; i < 2 * fills; ++i) source.send(1000);
  ASSERT_TRUE(eventually([&] { return ring->fill() == 1; }, seconds(5)));
  const auto first = ring->statistics();
  ASSERT_TRUE(first);
  EXPECT_GT(first->dropped, 0U);
  read(*ring, fd.get(), [&] { return true; });
  EXPECT_DOUBLE_EQ(ring->fill(), 0);
  const auto second = ring->statistics();
  ASSERT_TRUE(second);
  EXPECT_GE(second->dropped, first->dropped) << "totals, though the kernel starts again at 0";
  const std::uint64_t before = frames_;
  source.send(1000);
  read(*ring, fd.get(), [&] { return frames_ > before; });
  EXPECT_GT(frames_, before);
}

}  // namespace
}  // namespace tidegate::harness
