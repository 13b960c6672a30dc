// SPDX-License-Identifier: Apache-2.0
#include "agent/control/support.hpp"

#include <sys/utsname.h>

#include <sstream>

namespace tidegate::control {
namespace {

constexpr std::uint64_t kMostDecisions = 1000;
constexpr std::size_t kMostAudit = 200;

std::string system_text(const StatusReport& status) {
  utsname system{};
  ::uname(&system);
  std::ostringstream text;
  text << "tidegate " << status.version << "\nkernel " << system.sysname << ' ' << system.release << ' '
       << system.machine << "\nstarted " << to_rfc3339(status.started) << "\nresident " << status.agent_memory
       << " bytes\ntables " << status.tables_memory << " bytes\n";
  for (const auto& feature : status.features) {
    text << "feature " << feature.name << ": " << (feature.available ? "yes" : "no, " + feature.consequence) << '\n';
  }
  return text.str();
}

std::string status_text(const StatusReport& status) {
  std::ostringstream text;
  for (const auto& warning : status.warnings) text << "warning: " << warning << '\n';
  text << "generation " << status.generation << (status.enforcing ? "" : " (not enforcing)") << '\n';
  for (const auto& entry : status.interfaces) {
    const auto& state = entry.interface.state;
    text << "interface " << state.interface << ' ' << state.mode << (state.attached ? " attached" : " not attached")
         << " passed " << entry.traffic.passed.packets << " dropped " << entry.traffic.dropped.packets << '\n';
  }
  for (const auto& table : status.tables) {
    text << "table " << table.name << ' ' << table.entries << " of " << table.capacity << ", " << table.memory_bytes
         << " bytes\n";
  }
  for (const auto& [name, count] : status.faults) text << "fault " << name << ' ' << count << '\n';
  return text.str();
}

void rows(std::ostringstream& text, const char* kind, const std::vector<telemetry::CounterRow>& rows) {
  for (const auto& row : rows) {
    text << kind << ' ' << row.name << " passed " << row.passed.packets << " dropped " << row.dropped.packets
         << " would_drop " << row.would_drop.packets << '\n';
  }
}

std::string counters_text(const StatusReport& status) {
  std::ostringstream text;
  rows(text, "service", status.counters.services);
  rows(text, "reason", status.counters.reasons);
  return text.str();
}

std::string inspector_text(const inspection::Report& inspector) {
  std::ostringstream text;
  text << "state " << to_string(inspector.state) << ' ' << inspector.problem << "\nrestarts " << inspector.restarts
       << ", killed " << inspector.kills << "\nopen connections " << inspector.open_connections << ", sessions "
       << inspector.sessions << "\nmemory " << inspector.memory << ", resident " << inspector.resident_bytes
       << "\nsandboxed " << inspector.sandboxed << ", secrets locked " << inspector.secrets_locked
       << ", key store locked " << inspector.key_store_locked << "\nshedding " << inspector.shedding << ", share "
       << inspector.shed_share << ", ring " << inspector.ring_fill << '\n';
  for (std::size_t i = 0; i < inspect::kCounters; ++i) {
    const auto counter = static_cast<inspect::Counter>(i);
    text << "counter " << text_of(counter).name << ' ' << inspector.counters.of(counter) << '\n';
  }
  for (const auto& source : inspector.keys) {
    text << "keys " << source.kind << ' ' << source.path << " accepted " << source.accepted << " malformed "
         << source.malformed << " dropped " << source.dropped << " refused " << source.refused << ' ' << source.problem
         << '\n';
  }
  return text.str();
}

std::string policy_text(const Environment& environment) {
  const auto present = environment.history.in_force();
  if (!present) return "# " + present.error().message + '\n';
  return *present ? (*present)->text : "# no policy is in force\n";
}

std::string history_text(const Environment& environment) {
  std::ostringstream text;
  if (const auto generations = environment.history.list()) {
    for (const auto& generation : *generations) {
      text << generation.generation << ' ' << to_rfc3339(generation.applied) << ' ' << generation.actor << ' '
           << generation.comment << '\n';
    }
  } else {
    text << generations.error().message << '\n';
  }
  if (const auto records = environment.history.audit_records(kMostAudit)) {
    for (const auto& record : *records) {
      text << "audit " << to_rfc3339(record.time) << ' ' << record.actor << ' ' << record.action << ": "
           << record.detail << '\n';
    }
  }
  return text.str();
}

std::string decisions_text(const Environment& environment) {
  std::ostringstream text;
  const auto listed = environment.decisions.each(
      {.origin = {}, .contains = {}, .limit = kMostDecisions}, [&](const decisions::Decision& decision) {
        text << decision.id << ' ' << to_string(decision.action) << ' ' << decision.target.to_string() << ' '
             << decision.origin << ' ' << (decision.expires ? to_rfc3339(*decision.expires) : "never") << '\n';
        return true;
      });
  if (!listed) text << listed.error().message << '\n';
  return text.str();
}

std::string acts_text(const Environment& environment) {
  std::ostringstream text;
  for (const auto& event : environment.telemetry.events().since(WallTime{}, {.acts_only = true})) {
    text << to_rfc3339(event.time) << ' ' << to_string(event.kind) << ": " << event.message << '\n';
  }
  return text.str();
}

}  // namespace

std::map<std::string, std::string> support_files(const Environment& environment, const StatusReport& status) {
  return {{"system.txt", system_text(status)},        {"status.txt", status_text(status)},
          {"counters.txt", counters_text(status)},    {"policy.yaml", policy_text(environment)},
          {"history.txt", history_text(environment)}, {"decisions.txt", decisions_text(environment)},
          {"events.txt", acts_text(environment)},     {"inspector.txt", inspector_text(status.inspector)}};
}

}  // namespace tidegate::control
