// SPDX-License-Identifier: Apache-2.0
// The sandboxed process that looks for attacks in the payloads of a capture's requests.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "agent/inspect/model/counters.hpp"
#include "cli/inspect/sandboxed.hpp"

namespace tidegate::cli {

// A running tidegate-payload. What it says comes in the order in which the inspector sent it payloads; when it says
// something else, or nothing any more, it is killed, and so that nobody waits for it. Used by one thread.
class Examiner {
 public:
  static constexpr std::chrono::seconds kSilence{30};  // without a verdict that is waited for: it hangs

  // `rules`: directory of the Core Rule Set. `payloads`: its end of what the inspector sends into. `silence`: by the
  // monotonic clock of the environment.
  static Outcome<Examiner> start(const Environment& environment, const std::string& rules, UniqueFd payloads,
                                 std::chrono::nanoseconds silence = kSilence);

  // Takes what it has said. Whoever waits for something else calls this whenever fd() is readable, or the examiner
  // waits for ever.
  void hear();
  // What was found in a payload, bits of inspect::AttackFact; 0 too when there is no verdict: there is a problem, or
  // the user does not want to wait. Sequence numbers rise from call to call.
  std::uint8_t verdict(std::uint64_t sequence);
  // Takes its totals, when all verdicts were asked for.
  void finish();
  int fd() const { return listening() ? process_.fd() : -1; }
  // Why it examines no more; empty: it does, or has finished.
  const std::string& problem() const { return problem_; }
  // It had its rules and was in its sandbox.
  bool began() const { return began_; }
  // payloads_examined, _found, _failed, _slow, and as payloads_dropped those whose verdict never came.
  void add_to(inspect::Counters& counters) const;

 private:
  using Verdict = std::pair<std::uint64_t, std::uint8_t>;  // sequence number, what was found

  Examiner(const Environment& environment, Sandboxed process, std::chrono::nanoseconds silence)
      : environment_(environment), process_(std::move(process)), silence_(silence) {}
  bool listening() const { return problem_.empty() && !finished_; }
  void take(const inspect::wire::ToAgent& message);
  void take(const inspect::wire::Summaries& summaries);
  std::optional<std::uint8_t> known(std::uint64_t sequence);
  bool wait(MonotonicTime since);
  void give_up(std::string why);

  const Environment& environment_;
  Sandboxed process_;
  std::chrono::nanoseconds silence_;
  std::deque<Verdict> verdicts_;
  std::uint64_t last_ = 0;     // sequence number it spoke of
  MonotonicTime heard_{0};     // when what it has to say came
  inspect::Counters totals_;   // as it told them last
  std::uint64_t told_ = 0;     // verdicts
  std::uint64_t found_ = 0;    // of them with an attack
  std::uint64_t missing_ = 0;  // verdicts that were waited for in vain
  bool began_ = false;
  bool finished_ = false;
  std::string problem_;
};

}  // namespace tidegate::cli
