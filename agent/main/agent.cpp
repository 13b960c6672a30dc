// SPDX-License-Identifier: Apache-2.0
#include "agent/main/agent.hpp"

#include <net/if.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <random>

#include "agent/api/services.hpp"
#include "agent/config/text_file.hpp"
#include "agent/control/rule_actions.hpp"
#include "agent/main/logging.hpp"
#include "agent/main/notify.hpp"
#include "agent/openapi/load.hpp"

namespace tidegate {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr milliseconds kEventsEvery{100};
constexpr milliseconds kWatchEvery{500};
constexpr seconds kCountersEvery{1};
constexpr seconds kDecisionsEvery{1};
constexpr seconds kConfirmEvery{1};
constexpr seconds kRefreshEvery{10};
constexpr minutes kProvenEvery{30};
constexpr minutes kTrimEvery{1};
constexpr milliseconds kStopGrace{500};

std::uint64_t secret_number() {
  std::random_device entropy;
  return static_cast<std::uint64_t>(entropy()) << 32U | entropy();
}

std::string name_of_interface(unsigned ifindex) {
  std::array<char, IF_NAMESIZE> name{};
  return ::if_indextoname(ifindex, name.data()) == nullptr ? std::string() : std::string(name.data());
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

Result<std::optional<gid_t>> group_of(const config::Settings& settings) {
  if (!settings.socket_group) return std::nullopt;
  TIDEGATE_ASSIGN(const gid_t group, api::group_id(*settings.socket_group));
  return group;
}

// How often the datapath's clock moves while no packet does: a jiffy, which is what the coarse clock is made of.
std::chrono::nanoseconds clock_tick() {
  timespec resolution{};
  if (::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) != 0) return milliseconds(10);
  return seconds(resolution.tv_sec) + std::chrono::nanoseconds(resolution.tv_nsec);
}

Result<std::unique_ptr<metrics::Exporter>> listen_for_metrics(const config::Settings& settings) {
  if (!settings.metrics) return nullptr;
  return metrics::Exporter::listen(settings.metrics->to_string());
}

kernel::Options kernel_options(const config::Settings& settings) {
  kernel::Options options;
  options.pin_dir = settings.pin_dir;
  options.buckets = settings.tables.buckets;
  options.blocks = settings.tables.blocks;
  return options;
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::start(const config::Settings& settings) {
  TIDEGATE_ASSIGN(auto state, history::State::open(settings.state_dir, system_clock()));
  TIDEGATE_ASSIGN(const auto group, group_of(settings));
  TIDEGATE_ASSIGN(auto listener, api::Listener::open({.path = settings.socket, .mode = 0660, .group = group}));
  TIDEGATE_ASSIGN(auto exporter, listen_for_metrics(settings));
  TIDEGATE_ASSIGN(auto datapath, kernel::Datapath::open(kernel_options(settings), system_clock()));
  std::unique_ptr<Agent> agent(new Agent(settings, std::move(state), std::move(exporter), std::move(datapath)));
  TIDEGATE_TRY(agent->begin(settings, std::move(listener)));
  return agent;
}

Agent::Agent(const config::Settings& settings, history::State state, std::unique_ptr<metrics::Exporter> exporter,
             std::unique_ptr<kernel::Datapath> datapath)
    : state_(std::move(state)),
      datapath_(std::move(datapath)),
      telemetry_(system_clock(), secret_number()),
      acts_(telemetry_.events().follow({.acts_only = true})),
      exports_(settings.exports.ecs_files, {.hostname = host_name(), .version = TIDEGATE_VERSION},
               follow_for_exports(settings),
               [this](const std::string& what) { telemetry_.note(telemetry::EventKind::kWarning, what); }),
      rules_(
          std::make_shared<control::RuleEngine>(system_clock(), behavior::HashSeed{secret_number(), secret_number()})),
      apis_(std::make_shared<inspection::ApiFigures>(system_clock(), secret_number())),
      inspection_(inspection_options(settings), system_clock()),
      controllers_(environment(settings)),
      scheduler_(system_clock()),
      exporter_(std::move(exporter)) {}

std::shared_ptr<telemetry::Follower> Agent::follow_for_exports(const config::Settings& settings) {
  return settings.exports.ecs_files.empty() ? nullptr : telemetry_.events().follow({.acts_only = true});
}

control::Environment Agent::environment(const config::Settings& settings) {
  return {.datapath = *datapath_,
          .decisions = state_.decisions(),
          .safelist = state_.safelist(),
          .history = state_.history(),
          .telemetry = telemetry_,
          .clock = system_clock(),
          .read_policy = config::read_policy,
          .load_descriptions = [directory = settings.policy.parent_path()](
                                   policy::Policy& policy) { return openapi::load(policy, directory); },
          .changed_descriptions = [](const policy::Policy& policy) { return openapi::differences(policy); },
          .host_facts = [] { return decisions::collect_host_facts(); },
          .ifindex_of = [](const std::string& name) { return ::if_nametoindex(name.c_str()); },
          .interface_name = name_of_interface,
          .make_spool = [this] { return state_.make_spool(); },
          .policy_file = [file = settings.policy] { return config::read_text_file(file); },
          .resident_bytes = resident_bytes,
          .exports = [this] { return exports_.reports(); },
          .task_problems = [this] { return task_problems(); },
          .version = TIDEGATE_VERSION,
          .policy_file_name = settings.policy.string(),
          .bucket_ways = settings.tables.buckets,
          .tick = clock_tick(),
          .inspection = &inspection_,
          .apis = apis_.get(),
          .rules = rules_.get(),
          .identity_seed = {secret_number(), secret_number()}};
}

inspection::Options Agent::inspection_options(const config::Settings& settings) {
  inspection::Options options = inspection::default_options();
  options.keys = settings.keys;
  options.inspect = settings.inspect;
  options.consumers = {apis_, rules_};
  options.load_capture = kernel::Capture::load;
  options.find_interface = kernel::find_capture_interface;
  options.warn = [this](const std::string& what) { telemetry_.note(telemetry::EventKind::kWarning, what); };
  return options;
}

Status Agent::begin(const config::Settings& settings, api::Listener listener) {
  TIDEGATE_ASSIGN(const auto group, group_of(settings));
  rules_->start(control::rule_actions(controllers_));
  TIDEGATE_ASSIGN(const auto started, controllers_.start());
  for (const auto& problem : started.problems) spdlog::warn("{}", problem);
  if (exporter_) exporter_->serve(controllers_);
  add_tasks();
  scheduler_.run_due();
  TIDEGATE_ASSIGN(server_, api::Server::start(
                               std::move(listener), api::Admission(::geteuid(), group),
                               [this](const std::string& actor) { return api::make_services(controllers_, actor); }));
  server_->set_serving(true);
  log_acts(*acts_);
  return {};
}

// An error is logged when it appears and when it changes, not every second.
void Agent::add_task(const std::string& name, std::chrono::nanoseconds every, std::function<Status()> task) {
  scheduler_.add(name, every, [this, name, task = std::move(task)] {
    const auto done = task();
    const std::string problem = done ? std::string() : done.error().message;
    if (!is_new_problem(name, problem)) return;
    problem.empty() ? spdlog::info("{}: works again", name) : spdlog::error("{}: {}", name, problem);
  });
}

void Agent::collect_events() {
  const auto handed = datapath_->poll_events([this](const tg_event& event) { telemetry_.ingest(event); });
  const std::string problem = handed ? std::string() : handed.error().message;
  if (is_new_problem("events", problem) && !problem.empty()) spdlog::error("events: {}", problem);
}

bool Agent::is_new_problem(const std::string& task, const std::string& problem) {
  auto problems = task_problems_.lock();
  if ((*problems)[task] == problem) return false;
  (*problems)[task] = problem;
  return true;
}

std::vector<std::string> Agent::task_problems() const {
  std::vector<std::string> lines;
  for (const auto& [name, problem] : *task_problems_.lock()) {
    if (!problem.empty()) lines.push_back(name + ": " + problem);
  }
  return lines;
}

void Agent::add_tasks() {
  scheduler_.add("events", kEventsEvery, [this] { collect_events(); });
  scheduler_.add("counters", kCountersEvery, [this] { telemetry_.snapshot(datapath_->counters()); });
  scheduler_.add("rules", kCountersEvery, [this] { rules_->look(); });
  scheduler_.add("interfaces", kWatchEvery, [this] { controllers_.attach.watch(); });
  add_task("safelist interfaces", kWatchEvery, [this] { return controllers_.enforcement.follow_interfaces(); });
  add_task("confirm", kConfirmEvery, [this] { return controllers_.policy.revert_overdue(); });
  add_task("decisions", kDecisionsEvery, [this] { return controllers_.decisions.tick(); });
  scheduler_.add("refresh", kRefreshEvery, [this] {
    controllers_.status.refresh();
    notify_status(status_line());
  });
  scheduler_.add(
      "proven", kProvenEvery, [this] { datapath_->rotate_proven(); }, kProvenEvery);
  scheduler_.add("memory", kTrimEvery, give_memory_back);
}

std::string Agent::status_line() const {
  const auto status = controllers_.status.report();
  const auto attached = std::count_if(status.interfaces.begin(), status.interfaces.end(),
                                      [](const auto& entry) { return entry.interface.state.attached; });
  std::string line = "generation " + std::to_string(status.generation) + ", " + std::to_string(attached) +
                     " interfaces, " + std::to_string(status.decisions) + " decisions";
  if (!status.warnings.empty()) line += "; " + status.warnings.front();
  return line;
}

void Agent::run(const Signals& signals) {
  const auto watchdog = watchdog_interval();
  notify_ready(status_line());
  spdlog::info("tidegated {} is ready: {}", TIDEGATE_VERSION, status_line());
  for (;;) {
    std::chrono::nanoseconds wait = scheduler_.run_due();
    log_acts(*acts_);
    if (watchdog) {
      notify_alive();
      wait = std::min<std::chrono::nanoseconds>(wait, *watchdog / 3);
    }
    const int signal = signals.next(wait);
    if (signal == SIGTERM || signal == SIGINT) break;
    if (signal == SIGHUP)
      spdlog::info("SIGHUP: nothing is read again; `tidegate policy apply FILE` changes the policy");
  }
  notify_stopping();
  spdlog::info("stopping; enforcement goes on (`tidegate detach` ends it)");
}

Agent::~Agent() {
  telemetry_.events().close();
  if (server_) server_->stop(kStopGrace);
  rules_->stop();
  log_acts(*acts_);
}

}  // namespace tidegate
