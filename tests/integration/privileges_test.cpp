// SPDX-License-Identifier: Apache-2.0
// The whole agent as the unit runs it: a user without name, four capabilities, nothing more, and no way to get more.
#include <unistd.h>

#include <sstream>

#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

constexpr uid_t kNobody = 65534;
const std::vector<std::string> kCapabilities = {"bpf", "perfmon", "net_admin", "net_raw"};  // as in packaging/
constexpr std::uint64_t kCapabilityBits = 1ULL << 39 | 1ULL << 38 | 1ULL << 12 | 1ULL << 13;

std::vector<std::string> setpriv() {
  std::string these = "-all";
  for (const std::string& name : kCapabilities) these += ",+" + name;
  const std::string id = std::to_string(kNobody);
  return {"setpriv", "--reuid",    id,    "--regid",        id,   "--clear-groups", "--no-new-privs", "--bounding-set",
          these,     "--inh-caps", these, "--ambient-caps", these};
}

class PrivilegesTest : public AgentTest {
 protected:
  void start_unprivileged(const std::string& policy, const std::string& settings = "") {
    AgentOptions options;
    options.settings = settings;
    options.wrapper = setpriv();
    options.netns = edge().name();
    options.policy = policy;
    agent_ = std::make_unique<Agent>(std::move(options));
    std::filesystem::create_directory(agent().pin_dir());
    const std::string owner = std::to_string(kNobody) + ":" + std::to_string(kNobody);
    shell("chown -R " + owner + " " + agent().directory().string() + " && chmod 0711 " +
          agent().pin_dir().parent_path().string());
    ASSERT_EQ(agent().start(), "");
  }
  // A field of /proc/PID/status of the agent.
  std::string field(const std::string& name) const {
    std::istringstream lines(read_file("/proc/" + std::to_string(agent().pid()) + "/status"));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
    }
    return "";
  }
};

TEST_F(PrivilegesTest, FourCapabilitiesAreAllItHasAndAllItNeeds) {
  start_unprivileged(policy_of(kGenerous));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_EQ(std::stoull(field(set), nullptr, 16), kCapabilityBits) << set;
  }
  EXPECT_EQ(field("NoNewPrivs"), "1");
  EXPECT_EQ(field("Uid"), "65534\t65534\t65534\t65534");
  const auto status = agent().json({"status"});
  for (const auto& feature : status.value("features", nlohmann::json::array())) {
    EXPECT_TRUE(feature.value("available", false)) << feature;
  }
  EXPECT_TRUE(attached());
  EXPECT_EQ(status.value("warnings", nlohmann::json::array()), nlohmann::json::array());
}

TEST_F(PrivilegesTest, EverythingAnOperatorDoesWorks) {
  UdpSink sink(edge(), 9000);
  start_unprivileged(policy_of(kGenerous));
  ASSERT_TRUE(ping("203.0.113.5"));
  tidegate({"block", "203.0.113.5"});
  EXPECT_FALSE(ping("203.0.113.5"));
  EXPECT_EQ(text(agent().json({"why", "203.0.113.5"}), "verdict"), "drop");
  tidegate({"unblock", "203.0.113.5"});
  EXPECT_TRUE(ping("203.0.113.5"));
  tidegate({"limit", "203.0.113.6", "--packets", "10/s"});
  flood("udp", "203.0.113.6", {"--port", "9000", "--count", "1000"});
  EXPECT_LT(sink.all(), 100u);
  EXPECT_EQ(agent().cli({"decisions", "import", "-"}, "203.0.113.7 1h listed\n").exit_code, 0);
  EXPECT_FALSE(ping("203.0.113.7"));
  tidegate({"policy", "apply", agent().file("next.yaml", policy_of(kGenerous, "safelist: [203.0.113.7]\n")).string()});
  EXPECT_TRUE(ping("203.0.113.7"));
  tidegate({"detach"});
  EXPECT_FALSE(attached());
  tidegate({"attach"});
  EXPECT_TRUE(attached());
  EXPECT_NE(edge().sh("curl -s 127.0.0.1:9464/metrics").find("tidegate_policy_generation 2\n"), std::string::npos);
}

TEST_F(PrivilegesTest, InspectionNeedsNothingMore) {
  start_unprivileged(policy_of("  - {name: site, match: tcp/8080, http: {inspect: true}}\n" + kGenerous),
                     "keys: {socket: off}\n");
  const auto web =
      Process::start({"python3", "-m", "http.server", "8080", "--directory", "/"}, {.netns = edge().name()});
  const auto inspector = [&] { return agent().json({"status"}).value("inspector", nlohmann::json::object()); };
  ASSERT_TRUE(eventually([&] { return text(inspector(), "state") == "running"; }, seconds(10))) << inspector();
  EXPECT_TRUE(inspector().value("sandboxed", false));
  EXPECT_TRUE(eventually(
      [&] {
        run({"curl", "-s", "-o", "/dev/null", "--max-time", "1", std::string("http://") + Topology::kEdge4 + ":8080/x"},
            {.netns = world().name()});
        return inspector().value("requests", 0ULL) > 0;
      },
      seconds(10)))
      << inspector();
}

TEST_F(PrivilegesTest, ItAdoptsWhatItPinnedAfterAKill) {
  start_unprivileged(policy_of(kGenerous));
  tidegate({"block", "203.0.113.5"});
  agent().kill();
  EXPECT_FALSE(ping("203.0.113.5"));
  ASSERT_EQ(agent().start(), "");
  EXPECT_FALSE(ping("203.0.113.5"));
  tidegate({"unblock", "203.0.113.5"});
  EXPECT_TRUE(ping("203.0.113.5"));
  const Finished stopped = agent().stop();
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
}

}  // namespace
}  // namespace tidegate::harness
