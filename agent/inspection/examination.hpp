// SPDX-License-Identifier: Apache-2.0
// Keeps the examiner of payloads running while a service asks for it. What becomes of it touches neither inspection nor
// enforcement: what it has no time for, or would have to take while it is not there, is dropped by the inspector.
#pragma once

#include <poll.h>

#include <array>
#include <optional>
#include <string>

#include "agent/inspection/report.hpp"
#include "agent/inspection/restarts.hpp"
#include "agent/inspection/session.hpp"
#include "agent/inspection/tally.hpp"

namespace tidegate::inspection {

// Used by the supervisor's thread.
class Examination {
 public:
  struct Options {
    std::function<Result<std::filesystem::path>()> find_program;
    std::filesystem::path rules;
    std::chrono::nanoseconds ready_within;
    std::chrono::nanoseconds silence;
    std::function<void(const std::string&)> warn;
  };
  using Take = std::function<void(const inspect::wire::Summaries&)>;

  explicit Examination(Options options) : options_(std::move(options)) {}

  void want(bool wanted);
  // Starts, hears and buries. True: serving() is another than before.
  bool work(MonotonicTime now, const Take& take);
  // Worth handing payloads to: it was ready, and is there or back in a moment.
  bool serving() const { return served_; }
  // The inspector's end of the way between the two, which stays the same as long as this lives. The agent keeps both
  // ends and reads neither.
  Result<int> inspector_end();

  MonotonicTime next() const { return session_ || !wanted_ ? MonotonicTime::max() : start_at_; }
  std::array<pollfd, 2> sources();
  inspect::Counters counters() const { return tally_.total(); }
  PayloadReport report() const;

 private:
  State state() const;
  void keep_alive(MonotonicTime now, const Take& take);
  Status open_way();
  Status start(MonotonicTime now);
  void hear(MonotonicTime now, const Take& take);
  void take_one(const inspect::wire::ToAgent& message, const Take& take);
  void bury(const std::string& how, MonotonicTime now);
  void complain(const std::string& text);
  void discard();

  Options options_;
  bool wanted_ = false;
  bool served_ = false;
  UniqueFd inspector_end_;
  UniqueFd examiner_end_;
  std::optional<Session> session_;
  Restarts restarts_{Restarts::Limits{}};
  Tally tally_;
  MonotonicTime start_at_{0};
  std::string problem_;
  std::string last_words_;
  std::string last_complaint_;
  std::uint64_t restart_count_ = 0;
  std::uint64_t kill_count_ = 0;
};

}  // namespace tidegate::inspection
