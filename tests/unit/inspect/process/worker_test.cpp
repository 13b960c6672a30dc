// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/worker.hpp"

#include <linux/if_packet.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <cstring>
#include <thread>

#include "agent/base/unique_fd.hpp"
#include "tests/unit/inspect/process/receiver.hpp"

namespace tidegate::inspect::process {
namespace {

constexpr RingGeometry kGeometry{.block_size = 1 << 18, .blocks = 4};

class WorkerTest : public ChannelFixture {
 protected:
  // A block that says it holds a frame, and is longer than blocks are.
  void damage(std::uint32_t block) {
    tpacket_block_desc description{};
    description.hdr.bh1.num_pkts = 1;
    description.hdr.bh1.offset_to_first_pkt = sizeof description;
    description.hdr.bh1.blk_len = kGeometry.block_size + 1;
    description.hdr.bh1.block_status = TP_STATUS_USER;
    std::memcpy(memory_.data() + std::size_t{block} * kGeometry.block_size, &description, sizeof description);
  }
  // The first report in which a counter is not 0; what it is there.
  std::uint64_t reported(Counter counter) {
    for (int i = 0; i < 100; ++i) {
      pollfd entry{agent_->fd(), POLLIN, 0};
      if (poll(&entry, 1, 5000) <= 0) return 0;
      const auto message = agent_->receive(wire::Wait::kNo);
      if (!message || !*message) return 0;
      const auto decoded = wire::decode_to_agent((*message)->message);
      const auto* statistics = decoded ? std::get_if<wire::Statistics>(&*decoded) : nullptr;
      if (statistics != nullptr && statistics->counters.of(counter) > 0) return statistics->counters.of(counter);
    }
    return 0;
  }

  std::vector<std::byte> memory_ = std::vector<std::byte>(kGeometry.bytes());
  UniqueFd never_ready_{eventfd(0, EFD_CLOEXEC)};
  KeyStore keys_{{.sessions = 16, .lock = false}, system_clock()};
};

TEST_F(WorkerTest, DamagedBlocksAreReported) {
  damage(0);
  damage(1);
  Settings settings;
  settings.memory_bytes = 1 << 20;
  Worker worker(0, never_ready_.get(), Ring(memory_, kGeometry), settings, keys_, *inspector_, -1, system_clock());
  std::jthread thread([&] { worker.run(); });
  EXPECT_EQ(reported(Counter::kRingDamaged), 2U);
  worker.stop();
}

}  // namespace
}  // namespace tidegate::inspect::process
