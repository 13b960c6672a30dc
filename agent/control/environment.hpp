// SPDX-License-Identifier: Apache-2.0
// What the controllers work with: everything from outside comes through here, so that tests bring their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/error.hpp"
#include "agent/behavior/keyed_hash.hpp"
#include "agent/config/policy_reader.hpp"
#include "agent/decisions/host_facts.hpp"
#include "agent/decisions/safelist_store.hpp"
#include "agent/decisions/spool.hpp"
#include "agent/decisions/store.hpp"
#include "agent/export/report.hpp"
#include "agent/history/history.hpp"
#include "agent/inspection/api_figures.hpp"
#include "agent/inspection/report.hpp"
#include "agent/kernel/datapath.hpp"
#include "agent/telemetry/telemetry.hpp"

namespace tidegate::control {

class RuleEngine;

// References outlive every controller. The functions are called from several threads.
struct Environment {
  kernel::Datapath& datapath;
  decisions::Store& decisions;
  decisions::SafelistStore& safelist;
  history::History& history;
  telemetry::Telemetry& telemetry;
  const Clock& clock;

  std::function<config::ParsedPolicy(std::string)> read_policy;  // config::read_policy
  // Hangs the API descriptions that a policy names into it: openapi::load; none: they are left out.
  std::function<std::vector<policy::Issue>(policy::Policy&)> load_descriptions = {};
  // One line for each whose file differs from it: openapi::differences; none: not looked at.
  std::function<std::vector<std::string>(const policy::Policy&)> changed_descriptions = {};
  std::function<decisions::HostFacts()> host_facts;        // decisions::collect_host_facts
  std::function<unsigned(const std::string&)> ifindex_of;  // if_nametoindex; 0: none
  std::function<std::string(unsigned)> interface_name;     // if_indextoname; empty: none
  std::function<Result<std::unique_ptr<decisions::Spool>>()> make_spool;
  std::function<Result<std::string>()> policy_file;            // the text of `policy:` of the settings
  std::function<std::uint64_t()> resident_bytes;               // of this process
  std::function<std::vector<exports::Report>()> exports = {};  // none: nothing is exported
  // One line for each periodic task that fails at present; none: not asked.
  std::function<std::vector<std::string>()> task_problems = {};

  std::string version;
  std::string policy_file_name;
  std::uint64_t bucket_ways = 65536;
  std::chrono::nanoseconds tick{4'000'000};      // of the datapath's clock
  inspection::Inspection* inspection = nullptr;  // none: nothing is ever inspected
  inspection::ApiFigures* apis = nullptr;        // none: nothing is held against descriptions
  RuleEngine* rules = nullptr;                   // none: rules are read only
  behavior::HashSeed identity_seed{};            // secret, of the table of blocked sessions and accounts
};

}  // namespace tidegate::control
