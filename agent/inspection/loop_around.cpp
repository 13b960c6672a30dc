// SPDX-License-Identifier: Apache-2.0
// What changes around the inspector, and what is told of it.
#include <algorithm>
#include <utility>

#include "agent/inspect/wire/confined.hpp"
#include "agent/inspection/loop.hpp"
#include "agent/inspection/ring_geometry.hpp"

namespace tidegate::inspection {

namespace wire = inspect::wire;

namespace {

constexpr std::chrono::milliseconds kReportEvery{50};
constexpr std::chrono::minutes kProblemsEvery{1};
constexpr unsigned kProblems = 10;

}  // namespace

void Supervisor::Loop::look_around(MonotonicTime now) {
  look_at_ = now + options_.timing.look_around;
  changed_ = true;
  if (now >= problems_at_) {
    problems_at_ = now + kProblemsEvery;
    problems_left_ = kProblems;
  }
  refresh_keys();
  renew_identity_key(now);
  tally_.sample();
  if (!capture_) return;
  if (const auto done = refresh_scope(); !done) complain(done.error().message);
}

// Opens what can be opened by now, tells the inspector, and says what cannot be, once.
void Supervisor::Loop::refresh_keys() {
  const auto opened = keys_.refresh();
  for (const auto& entry : keys_.entries()) {
    auto& said = key_problems_[entry.path.string()];
    if (said != entry.problem && !entry.problem.empty()) options_.warn("keys: " + entry.problem);
    said = entry.problem;
  }
  if (!session_) return;
  for (const auto* entry : opened) {
    const auto sent = session_->send(wire::ToInspector(keys_.describe(*entry)), entry->fd.get());
    if (!sent) complain(sent.error().message);
  }
}

// Only when it differs from what the filter has: an interface came, went or has another index.
Status Supervisor::Loop::refresh_scope() {
  kernel::CaptureScope scope;
  std::vector<std::string> unreadable;
  for (const auto& name : plan_.interfaces) {
    const auto found = options_.find_interface(name);
    if (!found) continue;
    if (found->readable) scope.interfaces.push_back(*found);
    if (!found->readable) unreadable.push_back(name);
  }
  scope.ports = plan_.ports;
  scope.sample = options_.inspect.sample;
  scope.seed = sample_seed_;
  unreadable_ = std::move(unreadable);
  if (scope_ == scope) return {};
  TIDEGATE_TRY(capture_->set_scope(scope));
  scope_ = std::move(scope);
  return {};
}

// Windows over identities are at most as long as a key lasts: with the one before, nobody in them is lost sight of.
void Supervisor::Loop::renew_identity_key(MonotonicTime now) {
  if (key_until_ == MonotonicTime(0)) return;
  if (now >= key_until_) {
    inspect::HashKey next{};
    if (const auto made = options_.random_key(next); !made) {
      complain(made.error().message);
    } else {
      key_before_ = std::exchange(key_, next);
      key_until_ = key_before_until_ = now + options_.timing.identity_key;
      send_identity_keys();
    }
  }
  if (!key_before_ || now < key_before_until_) return;
  key_before_.reset();
  send_identity_keys();
}

void Supervisor::Loop::send_identity_keys() {
  if (!session_) return;
  const auto sent = session_->send(wire::ToInspector(wire::IdentityKey{key_, key_before_}), -1, true);
  if (!sent) complain(sent.error().message);
}

Status Supervisor::Loop::send_settings() {
  inspect::Settings settings = plan_.settings;
  settings.sample = options_.inspect.sample;
  settings.memory_bytes = budget(options_.inspect);
  settings.sample_seed = sample_seed_;
  settings.identity_key = key_;
  settings.identity_key_before = key_before_;
  for (auto& service : settings.services) {
    if (!examination_.serving()) service.payload_sample = 0;
  }
  return session_->send(settings);
}

// Last of all, what came through KeyService: as the inspector judged it, which alone knows a key line from another.
std::vector<KeySourceReport> Supervisor::Loop::key_reports(MonotonicTime now) const {
  std::vector<KeySourceReport> reports;
  for (const auto& entry : keys_.entries()) {
    reports.push_back(key_report(entry.id, name_of(entry.kind), now));
    reports.back().path = entry.path.string();
    reports.back().problem = entry.problem;
  }
  reports.push_back(key_report(kPublishId, std::string(kPublishKind), now));
  return reports;
}

KeySourceReport Supervisor::Loop::key_report(std::uint32_t id, std::string kind, MonotonicTime now) const {
  const auto source = tally_.source(id);
  KeySourceReport report{.kind = std::move(kind), .path = {}};
  report.accepted = source.figures.accepted;
  report.malformed = source.figures.malformed;
  report.dropped = source.figures.dropped;
  report.refused = source.figures.refused;
  report.senders = source.figures.senders;
  if (source.last_seen) report.last_seen = now - *source.last_seen;
  return report;
}

// What the filters counted, over all captures.
inspect::Counters Supervisor::Loop::filtered() const {
  inspect::Counters counters = before_captures_;
  if (!capture_) return counters;
  const auto counts = capture_->counts();
  counters.add(inspect::Counter::kShedFlows, counts.shed_connections);
  counters.add(inspect::Counter::kFragments, counts.fragments);
  return counters;
}

// Not after every message: making one costs more than most messages do.
void Supervisor::Loop::publish_report(MonotonicTime now) {
  if (state() == reported_ && (!changed_ || now < report_at_)) return;
  changed_ = false;
  report_at_ = now + kReportEvery;
  reported_ = state();
  Report report = make_report(now);
  auto board = shared_.board.lock();
  board->report = std::move(report);
  board->time = now;
}

Report Supervisor::Loop::make_report(MonotonicTime now) const {
  Report report;
  report.state = state();
  report.problem = problem_;
  report.services = plan_.services;
  report.counters = tally_.total();
  report.counters.add(examination_.counters());
  report.payloads = examination_.report();
  report.recent = tally_.recent();
  report.sample = options_.inspect.sample;
  report.unreadable_interfaces = unreadable_;
  report.counters.add(filtered());
  report.open_connections = tally_.open_connections();
  report.sessions = tally_.sessions();
  report.memory = tally_.memory();
  report.resident_bytes = tally_.resident_bytes();
  report.ring_fill = tally_.ring_fill();
  report.shedding = tally_.shedding();
  report.shed_share = tally_.shed_share();
  report.restarts = restart_count_;
  report.kills = kill_count_;
  const bool running = report.state == State::kRunning;
  report.sandboxed = running && wire::is_confined(facts_);
  report.secrets_locked = running && facts_.secrets_locked;
  report.key_store_locked = running && facts_.key_store_locked;
  if (plan_.wanted) report.keys = key_reports(now);
  return report;
}

}  // namespace tidegate::inspection
