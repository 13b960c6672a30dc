// SPDX-License-Identifier: Apache-2.0
// What tests of the real agent share: a topology, an agent at its edge, and what they read from it.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "tests/harness/agent.hpp"
#include "tests/harness/netns.hpp"
#include "tests/harness/sockets.hpp"

namespace tidegate::harness {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Services are added as text below; `interfaces` is eth0 in native mode.
inline std::string policy_of(const std::string& services, const std::string& top = "") {
  return "version: 1\ninterfaces:\n  - {name: eth0, mode: native}\n" + top + "services:\n" + services;
}
inline const std::string kGenerous =
    "  - {name: all, default: true, limits: {packets: {rate: 1000000/s, burst: 1000000}}}\n";

// A text of a document; empty when it is null or not there.
inline std::string text(const nlohmann::json& document, const std::string& key) {
  const auto found = document.find(key);
  return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

class AgentTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_isolate()) GTEST_SKIP() << why_not();
    net_ = std::make_unique<Topology>(topology_options());
  }
  virtual Topology::Options topology_options() const { return {}; }

  // Makes an agent with this policy and starts it; false, with a failure, when it does not get ready.
  bool start(const std::string& policy, AgentOptions options = {}) {
    options.netns = net_->edge().name();
    options.policy = policy;
    agent_ = std::make_unique<Agent>(std::move(options));
    const std::string problem = agent_->start();
    EXPECT_EQ(problem, "");
    return problem.empty();
  }

  const NetNs& edge() const { return net_->edge(); }
  const NetNs& world() const { return net_->world(); }
  Agent& agent() const { return *agent_; }

  // Runs a CLI command that must succeed and returns its output.
  std::string tidegate(const std::vector<std::string>& arguments) const {
    const Finished finished = agent_->cli(arguments);
    EXPECT_EQ(finished.exit_code, 0) << testing::PrintToString(arguments) << ": " << finished.err << finished.out;
    return finished.out;
  }

  // A row of status: of list "services", "reasons", "tables" or "interfaces".
  nlohmann::json row(const std::string& list, const std::string& name) const {
    const nlohmann::json status = agent_->json({"status"});
    for (const auto& entry : status.value(list, nlohmann::json::array())) {
      if (entry.value("name", "") == name) return entry;
    }
    return nlohmann::json::object();
  }
  std::uint64_t dropped_for(const std::string& reason) const { return row("reasons", reason).value("dropped", 0ULL); }
  bool attached() const { return row("interfaces", "eth0").value("attached", false); }
  std::string warnings() const { return agent_->json({"status"}).value("warnings", nlohmann::json::array()).dump(); }

  bool ping(const std::string& source, const std::string& destination = Topology::kEdge4) const {
    return run({"ping", "-n", "-c", "1", "-W", "1", "-I", source, destination}, {.netns = world().name()}).exit_code ==
           0;
  }

  // The flood tool, sending to the edge; more arguments as for the tool.
  Process start_flood(const std::string& kind, const std::string& sources, const std::vector<std::string>& more) const {
    const bool v4 = sources.find(':') == std::string::npos;
    std::vector<std::string> words = {program("tidegate-flood").string(),
                                      "--interface",
                                      "eth0",
                                      "--mac",
                                      net_->edge().mac("eth0"),
                                      "--destination",
                                      v4 ? Topology::kEdge4 : Topology::kEdge6,
                                      "--kind",
                                      kind,
                                      "--sources",
                                      sources};
    words.insert(words.end(), more.begin(), more.end());
    return Process::start(words, {.netns = world().name()});
  }
  void flood(const std::string& kind, const std::string& sources, const std::vector<std::string>& more) const {
    const auto finished = start_flood(kind, sources, more).wait(seconds(120));
    ASSERT_TRUE(finished && finished->exit_code == 0) << (finished ? finished->err : "the flood did not end");
  }

  std::unique_ptr<Topology> net_;
  std::unique_ptr<Agent> agent_;
};

}  // namespace tidegate::harness
