// SPDX-License-Identifier: Apache-2.0
// tidegated put together: everything opened in order, run on one thread, stopped without detaching.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/api/server.hpp"
#include "agent/base/guarded.hpp"
#include "agent/config/settings.hpp"
#include "agent/control/controllers.hpp"
#include "agent/control/rule_engine.hpp"
#include "agent/control/scheduler.hpp"
#include "agent/export/sink.hpp"
#include "agent/history/state.hpp"
#include "agent/inspection/supervisor.hpp"
#include "agent/main/process.hpp"
#include "agent/metrics/exporter.hpp"

namespace tidegate {

// Used by the main thread only; what it owns is thread-safe where other threads reach it.
class Agent {
 public:
  // Claims state directory, socket and pins (a second agent is refused at each), puts in force what was, and answers.
  // Errors: one line with cause and remedy.
  static Result<std::unique_ptr<Agent>> start(const config::Settings& settings);
  ~Agent();

  // Until SIGTERM or SIGINT. Enforcement goes on afterwards.
  void run(const Signals& signals);

 private:
  Agent(const config::Settings& settings, history::State state, std::unique_ptr<metrics::Exporter> exporter,
        std::unique_ptr<kernel::Datapath> datapath);
  control::Environment environment(const config::Settings& settings);
  std::shared_ptr<telemetry::Follower> follow_for_exports(const config::Settings& settings);
  inspection::Options inspection_options(const config::Settings& settings);
  Status begin(const config::Settings& settings, api::Listener listener);
  void add_tasks();
  void add_task(const std::string& name, std::chrono::nanoseconds every, std::function<Status()> task);
  void collect_events();
  std::string status_line() const;

  bool is_new_problem(const std::string& task, const std::string& problem);
  std::vector<std::string> task_problems() const;

  mutable Guarded<std::map<std::string, std::string>> task_problems_;  // logged when they change; `status` shows them
  history::State state_;
  std::unique_ptr<kernel::Datapath> datapath_;
  telemetry::Telemetry telemetry_;
  std::shared_ptr<telemetry::Follower> acts_;
  exports::Sink exports_;
  std::shared_ptr<control::RuleEngine> rules_;
  std::shared_ptr<inspection::ApiFigures> apis_;
  inspection::Supervisor inspection_;  // before those who steer it, after those whom it tells
  control::Controllers controllers_;
  control::Scheduler scheduler_;
  std::unique_ptr<metrics::Exporter> exporter_;  // none: `metrics: off`
  std::unique_ptr<api::Server> server_;          // last: no call comes in while the rest is taken down
};

}  // namespace tidegate
