// SPDX-License-Identifier: Apache-2.0
// The sandboxed process that looks for attacks in the payloads of a capture's requests.
#pragma once

#include <deque>
#include <string>
#include <utility>

#include "cli/inspect/sandboxed.hpp"

namespace tidegate::cli {

// A running tidegate-payload. What it says comes in the order in which the inspector sent it payloads. Used by one
// thread.
class Examiner {
 public:
  // `rules`: directory of the Core Rule Set. `payloads`: its end of what the inspector sends into.
  static Outcome<Examiner> start(const Environment& environment, const std::string& rules, UniqueFd payloads);

  // Takes what it has said. Whoever waits for something else calls this whenever fd() is readable, or the examiner
  // waits for ever.
  void hear();
  // What was found in a payload, bits of inspect::AttackFact; 0: nothing, it has ended, or the user does not want to
  // wait.
  std::uint8_t verdict(std::uint64_t sequence);
  int fd() const { return problem_.empty() ? process_.fd() : -1; }
  // Why it examines no more; empty: it does.
  const std::string& problem() const { return problem_; }
  std::uint64_t examined() const { return examined_; }
  std::uint64_t found() const { return found_; }

 private:
  using Verdict = std::pair<std::uint64_t, std::uint8_t>;  // sequence number, what was found

  Examiner(const Environment& environment, Sandboxed process)
      : environment_(environment), process_(std::move(process)) {}
  void take(const inspect::wire::ToAgent& message);

  const Environment& environment_;
  Sandboxed process_;
  std::deque<Verdict> verdicts_;
  std::string problem_;
  std::uint64_t examined_ = 0;
  std::uint64_t found_ = 0;
};

}  // namespace tidegate::cli
