// SPDX-License-Identifier: Apache-2.0
// An owner that writes down what every connection was told, and a table around it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/inspect/tcp/connection_table.hpp"
#include "tests/harness/tcp_script.hpp"

namespace tidegate::inspect {

// What one connection was told. A gap of n bytes is "[n]" in the text, skipped bytes are "<n>", a receiver's window
// that closed "{full}", and that opened "{taken}".
struct Recorded {
  Flow flow;
  bool mid_stream = false;
  bool proven = false;
  std::string text[2];
  std::uint64_t ignores[2] = {0, 0};  // what the sink says of itself; counts down
  std::optional<StreamEnd> end[2];
  bool destroyed = false;
  WallTime last{};

  const std::string& client() const { return text[0]; }
  const std::string& server() const { return text[1]; }
};

class RecordingSink final : public StreamSink {
 public:
  using Hook = std::function<void(const Recorded&)>;
  RecordingSink(std::shared_ptr<Recorded> record, const Hook& hook) : record_(std::move(record)), hook_(hook) {}
  ~RecordingSink() override { record_->destroyed = true; }

  void data(Direction direction, Bytes bytes, WallTime time) override {
    EXPECT_FALSE(bytes.empty());
    EXPECT_EQ(ignores(direction), 0U) << "what is ignored is skipped";
    note(direction, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, time);
  }
  void skipped(Direction direction, std::uint64_t size, WallTime time) override {
    EXPECT_LE(size, ignores(direction));
    record_->ignores[index_of(direction)] -= size;
    note(direction, "<" + std::to_string(size) + ">", time);
  }
  void gap(Direction direction, std::uint64_t size, WallTime time) override {
    note(direction, "[" + std::to_string(size) + "]", time);
  }
  void end(Direction direction, StreamEnd how, WallTime time) override {
    EXPECT_FALSE(record_->end[index_of(direction)]) << "at most one end";
    note(direction, "", time);
    record_->end[index_of(direction)] = how;
  }
  void full(Direction direction, bool is_full, WallTime time) override {
    note(direction, is_full ? "{full}" : "{taken}", time);
  }
  void proven() override {
    EXPECT_FALSE(record_->proven) << "told once";
    record_->proven = true;
  }
  std::uint64_t ignores(Direction direction) const override { return record_->ignores[index_of(direction)]; }

 private:
  void note(Direction direction, const std::string& what, WallTime time) {
    EXPECT_FALSE(record_->end[index_of(direction)]) << "nothing after the end";
    record_->text[index_of(direction)] += what;
    record_->last = time;
    if (hook_) hook_(*record_);
  }

  std::shared_ptr<Recorded> record_;
  const Hook& hook_;
};

class Recorder final : public ConnectionOwner {
 public:
  bool is_server(const Endpoint& endpoint) const override { return endpoint.port == server_port; }
  std::unique_ptr<StreamSink> open(const Flow& flow, bool mid_stream, WallTime) override {
    ++asked;
    if (refuse) return nullptr;
    auto record = std::make_shared<Recorded>();
    record->flow = flow;
    record->mid_stream = mid_stream;
    record->ignores[0] = ignores[0];
    record->ignores[1] = ignores[1];
    connections.push_back(record);
    return std::make_unique<RecordingSink>(record, hook);
  }

  std::vector<std::shared_ptr<Recorded>> connections;
  RecordingSink::Hook hook;  // after everything a sink is told
  std::uint64_t ignores[2] = {0, 0};
  std::uint16_t server_port = 443;
  bool refuse = false;
  std::size_t asked = 0;
};

class TcpTest : public testing::Test {
 protected:
  explicit TcpTest(const ConnectionTableLimits& limits = {}, std::uint64_t memory = 8 << 20)
      : budget_(memory), table_(limits, owner_, budget_, counters_) {}

  void add(const std::vector<test::OwnedSegment>& segments) {
    for (const auto& segment : segments) table_.add(segment.view());
  }
  // The segments at these places, in this order.
  void add(const std::vector<test::OwnedSegment>& segments, const std::vector<std::size_t>& order) {
    for (const std::size_t i : order) table_.add(segments.at(i).view());
  }
  const Recorded& only() {
    EXPECT_EQ(owner_.connections.size(), 1U);
    if (owner_.connections.empty()) owner_.connections.push_back(std::make_shared<Recorded>());
    return *owner_.connections.front();
  }
  void TearDown() override {
    table_.finish(end_);
    EXPECT_EQ(table_.size(), 0U);
    EXPECT_EQ(budget_.used(), 0U) << "everything kept was given back";
    for (const auto& connection : owner_.connections) {
      EXPECT_TRUE(connection->end[0] && connection->end[1] && connection->destroyed);
    }
  }

  Recorder owner_;
  MemoryBudget budget_;
  Counters counters_;
  ConnectionTable table_;
  WallTime end_ = test::TcpScriptOptions{}.start + std::chrono::hours(1);
};

}  // namespace tidegate::inspect
