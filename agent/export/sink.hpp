// SPDX-License-Identifier: Apache-2.0
// Events for other programs: appended to files, one JSON object a line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/guarded.hpp"
#include "agent/export/ecs.hpp"
#include "agent/export/line_file.hpp"
#include "agent/export/report.hpp"
#include "agent/telemetry/events.hpp"

namespace tidegate::exports {

// Writes the acts of the agent (never packets) on a thread of its own. Whoever makes events never waits for it: what
// does not fit into a follower's queue is lost and counted. Thread-safe.
class Sink {
 public:
  // Told when a file cannot be written any more, and when it can again; never more often. One line.
  using Warn = std::function<void(const std::string&)>;

  Sink(std::vector<std::filesystem::path> files, Observer observer, std::shared_ptr<telemetry::Follower> acts,
       Warn warn);
  // Writes what waits, and ends.
  ~Sink();
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  std::vector<Report> reports() const;

 private:
  void work(const std::stop_token& stop);
  void write(const telemetry::Event& event);
  void count_lost();

  const Observer observer_;
  const std::shared_ptr<telemetry::Follower> acts_;
  const Warn warn_;
  std::vector<LineFile> files_;  // of the thread
  mutable Guarded<std::vector<Report>> reports_;
  std::jthread thread_;
};

}  // namespace tidegate::exports
