// SPDX-License-Identifier: Apache-2.0
// Controllers over a fake datapath, real stores in a directory of their own, and a clock that stands still.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "agent/control/controllers.hpp"
#include "tests/harness/fake_datapath.hpp"
#include "tests/harness/fake_inspection.hpp"
#include "tests/harness/flaky_history.hpp"

namespace tidegate::testing {

inline constexpr const char* kPolicy = R"(version: 1
interfaces: [{name: eth0}]
safelist: [192.0.2.10]
trusted_proxies: [198.51.100.0/24]
services:
  - name: api
    match: [tcp/8443]
    limits:
      packets: {rate: 2000/s, burst: 4000}
)";

inline constexpr const char* kOtherPolicy = R"(version: 1
interfaces: [{name: eth0}]
safelist: [192.0.2.10]
services:
  - name: api
    match: [tcp/8443]
    limits:
      packets: {rate: 100/s, burst: 200}
  - name: dns
    match: [udp/53]
    dry_run: true
    limits:
      packets: {rate: 10/s, burst: 20}
)";

class ControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "tg-control-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    open_stores();
    boot();
  }
  void TearDown() override {
    controllers_.reset();
    flaky_.reset();
    std::filesystem::remove_all(directory_);
  }

  void open_stores() {
    auto decisions = decisions::Store::open(directory_ / "decisions.db", clock_);
    auto safelist = decisions::SafelistStore::open(directory_ / "decisions.db", clock_);
    auto history = history::History::open(directory_ / "history.db", clock_);
    ASSERT_TRUE(decisions) << decisions.error().message;
    ASSERT_TRUE(safelist) << safelist.error().message;
    ASSERT_TRUE(history) << history.error().message;
    decisions_ = std::move(*decisions);
    safelist_ = std::move(*safelist);
    history_ = std::move(*history);
    flaky_ = std::make_unique<FlakyHistory>(*history_);
  }

  // Controllers without memory, as after a start of the process; stores and datapath are as they were.
  void boot() {
    controllers_.reset();
    telemetry_ = std::make_unique<telemetry::Telemetry>(clock_, 1);
    controllers_ = std::make_unique<control::Controllers>(environment());
  }

  // The process dies: what was not committed is gone, the datapath stays.
  void crash() {
    controllers_.reset();
    flaky_.reset();
    decisions_.reset();
    safelist_.reset();
    history_.reset();
    open_stores();
    boot();
  }

  control::Environment environment() {
    return {.datapath = datapath_,
            .decisions = *decisions_,
            .safelist = *safelist_,
            .history = *flaky_,
            .telemetry = *telemetry_,
            .clock = clock_,
            .read_policy = config::read_policy,
            .load_descriptions = [this](policy::Policy& policy) { return load_descriptions(policy); },
            .host_facts = [this] { return facts_; },
            .ifindex_of =
                [this](const std::string& name) {
                  return datapath_.existing.contains(name) ? FakeDatapath::index_of(name) : 0U;
                },
            .interface_name = [](unsigned index) { return "eth" + std::to_string(index - 2); },
            .make_spool = [this] { return decisions::Spool::create(directory_); },
            .policy_file = [this]() -> Result<std::string> {
              if (policy_file_.empty()) return fail(ErrorCode::kNotFound, "cannot open policy.yaml");
              return policy_file_;
            },
            .resident_bytes = [] { return std::uint64_t{1 << 20}; },
            .version = "0.1.0",
            .policy_file_name = "policy.yaml",
            .inspection = &inspection_};
  }

  // Every service that names a description has none while there is a problem.
  std::vector<policy::Issue> load_descriptions(policy::Policy& policy) const {
    std::vector<policy::Issue> issues;
    for (auto& service : policy.services) {
      if (!service.openapi || description_problem_.empty()) continue;
      service.openapi->problem = description_problem_;
      issues.push_back({service.openapi->location, description_problem_, false});
    }
    return issues;
  }

  static control::ApplyRequest request(const std::string& text) {
    control::ApplyRequest request;
    request.text = text;
    request.actor = "uid:0";
    return request;
  }
  static control::DecisionRequest targets(std::vector<std::string> names) {
    control::DecisionRequest request;
    request.targets = std::move(names);
    request.actor = "uid:0";
    return request;
  }

  // A policy in force, as most tests need it.
  void apply_first() {
    const auto applied = controllers_->policy.apply(request(kPolicy));
    ASSERT_TRUE(applied) << applied.error().message;
  }

  std::uint64_t recorded_generation() {
    const auto present = history_->in_force();
    return present && *present ? (*present)->generation : 0;
  }

  std::filesystem::path directory_;
  ManualClock clock_;
  FakeDatapath datapath_;
  FakeInspection inspection_;
  decisions::HostFacts facts_;
  std::string description_problem_;
  std::string policy_file_;
  std::unique_ptr<decisions::Store> decisions_;
  std::unique_ptr<decisions::SafelistStore> safelist_;
  std::unique_ptr<history::History> history_;
  std::unique_ptr<FlakyHistory> flaky_;
  std::unique_ptr<telemetry::Telemetry> telemetry_;
  std::unique_ptr<control::Controllers> controllers_;
};

}  // namespace tidegate::testing
