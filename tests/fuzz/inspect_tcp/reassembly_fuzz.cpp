// SPDX-License-Identifier: Apache-2.0
// Any segments of a few connections. What a sink is told must add up: every byte has a value that follows from its
// sequence number, so that order, gaps and skips are checked by what comes out.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "agent/inspect/tcp/connection_table.hpp"

namespace {

using namespace tidegate;
using namespace tidegate::inspect;

void require(bool condition) {
  if (!condition) std::abort();
}

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data, size) {}
  bool empty() const { return data_.empty(); }
  std::uint8_t u8() {
    if (data_.empty()) return 0;
    const std::uint8_t value = data_.front();
    data_ = data_.subspan(1);
    return value;
  }

 private:
  std::span<const std::uint8_t> data_;
};

struct World {
  bool honest = true;  // equal sequence numbers carry equal bytes
  bool give_up = false;
  bool urgent = false;  // some bytes are left out, and windows are small; then only what is told to whom is checked
  std::size_t alive = 0;
  ConnectionTable* table = nullptr;
};

class CheckingSink final : public StreamSink {
 public:
  CheckingSink(World& world, const Flow& flow, std::uint8_t ignores)
      : world_(world), flow_(flow), ignores_{ignores, ignores} {
    ++world_.alive;
  }
  ~CheckingSink() override {
    require(ended_[0] && ended_[1]);
    --world_.alive;
  }
  void data(Direction direction, Bytes bytes, WallTime) override {
    require(!bytes.empty() && ignores(direction) == 0);
    for (const std::byte byte : bytes) {
      const auto value = std::to_integer<std::uint8_t>(byte);
      auto& next = next_[index_of(direction)];
      if (world_.honest && next) require(*next == value);
      next = static_cast<std::uint8_t>(value + 1);
    }
    told(direction);
  }
  void skipped(Direction direction, std::uint64_t size, WallTime) override {
    require(size > 0 && size <= ignores(direction));
    ignores_[index_of(direction)] -= size;
    advance(direction, size);
    told(direction);
  }
  void gap(Direction direction, std::uint64_t size, WallTime) override {
    advance(direction, size);
    told(direction);
  }
  void end(Direction direction, StreamEnd, WallTime) override {
    told(direction);
    ended_[index_of(direction)] = true;
  }
  std::uint64_t ignores(Direction direction) const override { return ignores_[index_of(direction)]; }

 private:
  void advance(Direction direction, std::uint64_t size) {
    auto& next = next_[index_of(direction)];
    if (next) next = static_cast<std::uint8_t>(*next + size);
  }
  void told(Direction direction) {
    require(!ended_[index_of(direction)]);
    if (world_.give_up) world_.table->give_up(flow_, {});
  }

  World& world_;
  Flow flow_;
  std::uint64_t ignores_[2];
  std::optional<std::uint8_t> next_[2];  // the byte that must come
  bool ended_[2] = {false, false};
};

class Owner final : public ConnectionOwner {
 public:
  Owner(World& world, Input& input) : world_(world), input_(input) {}
  bool is_server(const Endpoint& endpoint) const override { return endpoint.port == 443; }
  std::unique_ptr<StreamSink> open(const Flow& flow, bool, WallTime) override {
    const std::uint8_t choice = input_.u8();
    if (choice % 16 == 15) return nullptr;
    return std::make_unique<CheckingSink>(world_, flow, static_cast<std::uint8_t>(choice % 4 == 3 ? choice : 0));
  }

 private:
  World& world_;
  Input& input_;
};

// Near the ends of the sequence space, and now and then far away.
std::uint32_t sequence(Input& input, bool from_client) {
  const std::uint32_t base = from_client ? 0xffffff80U : 0x7fffffc0U;
  const std::uint8_t value = input.u8();
  return value == 255 ? base + (std::uint32_t{input.u8()} << 24) : base + value;
}

void add(ConnectionTable& table, Input& input, const World& world, WallTime time) {
  const std::uint8_t kind = input.u8();
  const bool from_client = (kind & 1) != 0;
  Segment segment;
  Endpoint client{Address::from_v4(0xcb007101), static_cast<std::uint16_t>(1000 + (kind >> 1 & 3))};
  Endpoint server{Address::from_v4(0xc0000201), 443};
  segment.source = from_client ? client : server;
  segment.destination = from_client ? server : client;
  segment.time = time;
  const std::uint8_t flags = input.u8();
  segment.syn = flags % 8 == 0;
  segment.fin = flags % 8 == 1;
  segment.rst = flags % 32 == 2;
  segment.ack = (flags & 0x40) == 0;
  segment.sequence = sequence(input, from_client);
  segment.acknowledged = sequence(input, !from_client);
  if (world.urgent) {
    segment.urgent = input.u8() % 16;
    segment.window = static_cast<std::uint16_t>(input.u8() * 2);
  }
  std::byte bytes[256];
  const std::size_t size = (flags & 0x80) != 0 ? 0 : input.u8();
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t at = segment.sequence + (segment.syn ? 1 : 0) + i;
    bytes[i] = static_cast<std::byte>(world.honest ? at : at + kind + size);
  }
  const auto exact = std::make_unique<std::byte[]>(size);
  std::copy_n(bytes, size, exact.get());
  segment.payload = {exact.get(), size};
  if ((kind & 0x70) == 0x70) segment.cut = input.u8();
  table.add(segment);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world;
  const std::uint8_t mode = input.u8();
  world.urgent = (mode & 16) != 0;
  world.honest = (mode & 1) == 0 && !world.urgent;
  Owner owner(world, input);
  MemoryBudget budget((mode & 2) != 0 ? 1000 : 1 << 20);
  Counters counters;
  ConnectionTable table({.connections = (mode & 4) != 0 ? 2U : 100U,
                         .out_of_order_bytes = (mode & 8) != 0 ? 300U : 100'000U,
                         .idle = std::chrono::seconds(20),
                         .idle_closed = std::chrono::seconds(5)},
                        owner, budget, counters);
  world.table = &table;
  WallTime now{std::chrono::seconds(1)};
  while (!input.empty()) {
    const std::uint8_t step = input.u8();
    now += std::chrono::milliseconds(step);
    world.give_up = step % 64 == 63;
    if (step % 32 == 31) table.expire(now += std::chrono::seconds(step / 8));
    add(table, input, world, now);
    require(budget.used() <= budget.limit());
    require(table.size() == world.alive);
  }
  table.finish(now);
  require(budget.used() == 0 && table.size() == 0 && world.alive == 0);
  return 0;
}
