// SPDX-License-Identifier: Apache-2.0
// Keeps the inspector running while a service asks for it: capture, keys and settings to it, summaries and figures from
// it. Whatever becomes of the inspector costs visibility only, never enforcement.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/guarded.hpp"
#include "agent/config/settings.hpp"
#include "agent/inspection/plan.hpp"
#include "agent/inspection/report.hpp"
#include "agent/kernel/capture.hpp"

namespace tidegate::inspection {

struct Timing {
  std::chrono::nanoseconds ready_within = std::chrono::seconds(10);
  std::chrono::nanoseconds silence = std::chrono::seconds(5);      // of any of its threads: it hangs
  std::chrono::nanoseconds look_around = std::chrono::seconds(1);  // interfaces, files, figures of the last minute
  std::chrono::nanoseconds identity_key = std::chrono::hours(24);
};

// Everything from outside; called on the supervisor's thread.
struct Options {
  config::KeySettings keys;
  config::InspectSettings inspect;
  std::function<Result<std::filesystem::path>()> find_program;
  std::function<Result<std::filesystem::path>()> find_examiner;
  std::function<Result<std::unique_ptr<kernel::Capture>>()> load_capture;
  std::function<std::optional<kernel::CaptureInterface>(const std::string&)> find_interface;
  std::function<Status(inspect::HashKey&)> random_key;  // getrandom(2)
  std::function<void(const std::string&)> warn;         // one line, when something changes
  std::vector<std::shared_ptr<SummaryConsumer>> consumers;
  Timing timing;
};

// With this system's own program, random numbers, and no consumers, capture or voice.
Options default_options();

class Supervisor final : public Inspection {
 public:
  Supervisor(Options options, const Clock& clock);
  // Ends the inspector.
  ~Supervisor() override;

  void set_policy(const policy::Policy& policy) override;
  Report report() const override;
  std::vector<EndpointRow> endpoints(std::size_t most) const override;
  Result<Published> publish(std::string_view lines) override;

 private:
  class Loop;  // what only the thread touches
  struct Shared;

  std::shared_ptr<Shared> shared_;
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace tidegate::inspection
