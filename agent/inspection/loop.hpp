// SPDX-License-Identifier: Apache-2.0
// What the supervisor's thread does; nobody else touches it.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>

#include "agent/inspection/examination.hpp"
#include "agent/inspection/key_sources.hpp"
#include "agent/inspection/restarts.hpp"
#include "agent/inspection/session.hpp"
#include "agent/inspection/shared.hpp"
#include "agent/inspection/supervisor.hpp"
#include "agent/inspection/tally.hpp"

namespace tidegate::inspection {

class Supervisor::Loop {
 public:
  Loop(Shared& shared, Options options);
  ~Loop();
  void run(const std::stop_token& stop);

 private:
  // What is wished.
  void take_wishes();
  void take_plan(Plan plan);
  void switch_off();
  void hand_on_lines();

  // The life of the inspector.
  void keep_alive(MonotonicTime now);
  Status start(MonotonicTime now);
  Status prepare();
  Status brief();
  void bury(const std::string& how, MonotonicTime now);
  void mourn(MonotonicTime now);
  void watch(MonotonicTime now);
  void listen(MonotonicTime now);
  void take(const inspect::wire::ToAgent& message, MonotonicTime now);
  void take_problem(const inspect::wire::Problem& problem);
  void take_statistics(const inspect::wire::Statistics& statistics);
  void take_summaries(const inspect::wire::Summaries& summaries);
  void take_findings(const inspect::wire::Summaries& summaries);
  void examine(MonotonicTime now);

  // What changes outside.
  void look_around(MonotonicTime now);
  void refresh_keys();
  Status refresh_scope();
  void renew_identity_key(MonotonicTime now);
  void send_identity_keys();
  Status send_settings();
  inspect::Counters filtered() const;

  std::chrono::nanoseconds until_next(MonotonicTime now) const;
  void wait(MonotonicTime now);
  void publish_report(MonotonicTime now);
  Report make_report(MonotonicTime now) const;
  std::vector<KeySourceReport> key_reports(MonotonicTime now) const;
  KeySourceReport key_report(std::uint32_t id, std::string kind, MonotonicTime now) const;
  State state() const;
  void complain(const std::string& text);

  Shared& shared_;
  Options options_;
  Plan plan_;
  KeySources keys_;
  Tally tally_;
  Examination examination_;
  Restarts restarts_{Restarts::Limits{}};
  inspect::HashKey key_{};
  std::optional<inspect::HashKey> key_before_;  // for as long after key_ came as that lasts
  MonotonicTime key_until_{0};
  MonotonicTime key_before_until_{0};
  std::uint64_t sample_seed_ = 0;  // never replaced: running connections would fall out of the sample
  std::unique_ptr<kernel::Capture> capture_;
  std::optional<kernel::CaptureScope> scope_;  // in the filter
  std::vector<std::string> unreadable_;        // interfaces that are left out of it
  inspect::Counters before_captures_;          // by filters of captures that are closed
  std::optional<Session> session_;
  MonotonicTime start_at_{0};
  MonotonicTime passed_at_{0};        // when this thread last looked after the inspector
  MonotonicTime attentive_since_{0};  // since when it has done so without standing still
  MonotonicTime look_at_{0};
  MonotonicTime report_at_{0};
  MonotonicTime problems_at_{0};
  unsigned problems_left_ = 0;  // that the inspector may have said until then
  bool changed_ = true;         // since the last report
  State reported_ = State::kOff;
  std::string problem_;                              // why it does not run
  std::string last_words_;                           // of an inspector that ends by itself
  std::string last_complaint_;                       // not said twice in a row
  std::map<std::string, std::string> key_problems_;  // by path, said when they change
  inspect::wire::Ready facts_;
  inspect::Summary summary_;  // its memory is used again
  std::uint64_t restart_count_ = 0;
  std::uint64_t kill_count_ = 0;
};

}  // namespace tidegate::inspection
