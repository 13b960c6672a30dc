// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/inspect/engine/engine.hpp"
#include "agent/inspect/keys/key_text.hpp"
#include "tests/harness/tcp_script.hpp"

namespace tidegate::inspect {

class Collected final : public SummarySink {
 public:
  std::uint64_t began() override { return ++begun; }
  void finished(const Summary& summary) override { summaries.push_back(summary); }
  std::uint64_t begun = 0;
  std::vector<Summary> summaries;
};

class EngineFixture : public testing::Test {
 protected:
  static Settings web_settings() {
    Settings settings;
    settings.services.push_back({.name = "web", .ports = {{443, 443}}});
    return settings;
  }
  void make(const Settings& settings, const EngineLimits& limits = {}) {
    engine_.reset();
    engine_ = std::make_unique<Engine>(settings, keys_, sink_, limits);
  }
  void feed(const std::vector<test::OwnedSegment>& segments) {
    for (const test::TimedFrame& frame : test::to_frames(segments)) {
      engine_->packet(LinkType::kEthernet, frame.bytes, frame.wire_size, frame.time);
      last_ = frame.time;
    }
  }
  void feed(const test::TcpScript& script) { feed(script.segments()); }
  std::uint64_t count(Counter counter) const { return engine_->counters().of(counter); }

  ManualClock clock_;
  KeyStore keys_{{.sessions = 1000, .unused = std::chrono::seconds(0), .used = std::chrono::seconds(0), .lock = false},
                 clock_};
  Collected sink_;
  std::unique_ptr<Engine> engine_;
  WallTime last_{};
};

// A client of its own for each number.
inline test::TcpScriptOptions client_number(std::uint32_t number) {
  test::TcpScriptOptions options;
  options.flow.client = {Address::from_v4(0xcb007100 + number / 50'000),
                         static_cast<std::uint16_t>(1024 + number % 50'000)};
  return options;
}

inline const std::string kGet = "GET /orders/17 HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
inline const std::string kNoContent = "HTTP/1.1 204 No Content\r\n\r\n";

}  // namespace tidegate::inspect
