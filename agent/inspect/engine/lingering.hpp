// SPDX-License-Identifier: Apache-2.0
// Connections that ended while their keys were on the way. Short ones often do.
#pragma once

#include <deque>
#include <memory>

#include "agent/inspect/engine/conversation.hpp"

namespace tidegate::inspect {

// Keeps them until they wait no longer. Used by one thread.
class Lingering {
 public:
  static constexpr std::size_t kMost = 16'384;  // beyond: the oldest is given up

  void keep(std::unique_ptr<Conversation> conversation);
  // Forgets those that got their keys or gave up. Not from within a call of a conversation.
  void tidy();
  void clear() { kept_.clear(); }
  std::size_t size() const { return kept_.size(); }

 private:
  std::deque<std::unique_ptr<Conversation>> kept_;
};

// A conversation's place in the connection table, which may let go of it before it is over.
class Seat final : public StreamSink {
 public:
  Seat(std::unique_ptr<Conversation> conversation, Lingering& lingering)
      : conversation_(std::move(conversation)), lingering_(lingering) {}
  ~Seat() override {
    if (conversation_->waits_for_keys()) lingering_.keep(std::move(conversation_));
  }

  void data(Direction direction, Bytes bytes, WallTime time) override { conversation_->data(direction, bytes, time); }
  void skipped(Direction direction, std::uint64_t size, WallTime time) override {
    conversation_->skipped(direction, size, time);
  }
  void gap(Direction direction, std::uint64_t size, WallTime time) override {
    conversation_->gap(direction, size, time);
  }
  void end(Direction direction, StreamEnd how, WallTime time) override { conversation_->end(direction, how, time); }
  std::uint64_t ignores(Direction direction) const override { return conversation_->ignores(direction); }
  void proven() override { conversation_->proven(); }
  void full(Direction direction, bool is_full, WallTime time) override {
    conversation_->full(direction, is_full, time);
  }

 private:
  std::unique_ptr<Conversation> conversation_;
  Lingering& lingering_;
};

}  // namespace tidegate::inspect
