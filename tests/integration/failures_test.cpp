// SPDX-License-Identifier: Apache-2.0
// Failure is visible and kind: one line that names the cause and the remedy, and the right exit code.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sys/mount.h>

#include <regex>
#include <sstream>

#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

class FailuresTest : public AgentTest {
 protected:
  void make(const std::string& policy, AgentOptions options = {}) {
    options.netns = edge().name();
    options.policy = policy;
    agent_ = std::make_unique<Agent>(std::move(options));
  }

  // Starts an agent that must fail with exit code 1 and one line with all of `words`.
  void expect_refused(const std::vector<std::string>& words) const {
    const Finished finished = agent().start_expecting_failure();
    EXPECT_EQ(finished.exit_code, 1) << finished.err;
    EXPECT_LE(error_lines(finished.err), 1) << "one line: " << finished.err;
    for (const std::string& word : words) {
      EXPECT_NE(finished.err.find(word), std::string::npos) << "should speak of " << word << ": " << finished.err;
    }
  }

  // Lines but those of information: what was done before the failure may be told.
  static long error_lines(const std::string& text) {
    std::istringstream lines(text);
    long count = 0;
    for (std::string line; std::getline(lines, line);) count += line.find("[info]") == std::string::npos ? 1 : 0;
    return count;
  }
};

TEST_F(FailuresTest, UnprivilegedStart) {
  AgentOptions options;
  options.wrapper = {"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all"};
  make(policy_of(kGenerous), options);
  shell("chmod -R a+rwX " + agent().directory().string());
  expect_refused({"CAP_BPF", "run as root or through tidegated.service"});
}

TEST_F(FailuresTest, OneCapabilityMissing) {
  for (const char* missing : {"net_admin", "bpf"}) {
    AgentOptions options;
    options.wrapper = {"setpriv", "--bounding-set=-" + std::string(missing) + ",-sys_admin",
                       "--inh-caps=-" + std::string(missing) + ",-sys_admin"};
    make(policy_of(kGenerous), options);
    expect_refused({missing == std::string("bpf") ? "CAP_BPF" : "CAP_NET_ADMIN"});
  }
}

TEST_F(FailuresTest, PinDirectoryIsNotOnABpffs) {
  TempDir plain;
  AgentOptions options;
  options.pin_dir = plain.path() / "pins";
  make(policy_of(kGenerous), options);
  expect_refused({"bpf", "mount", plain.path().string()});
}

TEST_F(FailuresTest, StateDirectoryIsNotWritable) {
  TempDir parent;
  ASSERT_EQ(::mount("tmpfs", parent.path().c_str(), "tmpfs", MS_RDONLY, "size=64k"), 0);
  AgentOptions options;
  options.state_dir = parent.path();
  make(policy_of(kGenerous), options);
  expect_refused({parent.path().string(), "state_dir"});
  ::umount2(parent.path().c_str(), MNT_DETACH);
}

TEST_F(FailuresTest, MetricsPortIsTaken) {
  EchoServer taken(edge(), 9464);
  make(policy_of(kGenerous));
  expect_refused({"9464", "metrics: off"});
  EXPECT_EQ(edge().sh("ip -d -o link show dev eth0").find("xdp"), std::string::npos) << "never attached";
  EXPECT_FALSE(std::filesystem::exists(agent().pin_dir())) << "nothing was loaded";
}

TEST_F(FailuresTest, TwoAgentsByMistake) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  const auto second = [&](AgentOptions options) {
    options.netns = edge().name();
    options.policy = policy_of(kGenerous);
    options.metrics = "127.0.0.1:9465";
    const Agent other(std::move(options));
    const Finished finished = const_cast<Agent&>(other).start_expecting_failure();
    EXPECT_EQ(finished.exit_code, 1) << finished.err;
    EXPECT_EQ(error_lines(finished.err), 1) << finished.err;
    return finished.err;
  };
  AgentOptions state, pins, socket;
  state.state_dir = agent().state_dir();
  pins.pin_dir = agent().pin_dir();
  socket.socket = agent().socket();
  EXPECT_NE(second(state).find(agent().state_dir().string()), std::string::npos);
  EXPECT_NE(second(pins).find(agent().pin_dir().string()), std::string::npos);
  EXPECT_NE(second(socket).find(agent().socket().string()), std::string::npos);
  EXPECT_TRUE(attached()) << "the first is unharmed";
  tidegate({"block", "203.0.113.5"});
  EXPECT_FALSE(ping("203.0.113.5"));
}

TEST_F(FailuresTest, AnInterfaceThatIsNotThere) {
  make("version: 1\ninterfaces: [{name: eth0}, {name: wan7}]\nservices: []\n");
  expect_refused({"wan7", "create it"});  // a first start does not protect half of what it was asked to
  ASSERT_TRUE(start(policy_of(kGenerous)));
  const auto more = agent().file("more.yaml", "version: 1\ninterfaces: [{name: eth0}, {name: wan7}]\nservices: []\n");
  const Finished refused = agent().cli({"policy", "apply", more.string()});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("wan7"), std::string::npos) << refused.err;
  EXPECT_EQ(agent().json({"status"}).value("policy_generation", 0), 1) << "nothing half-applied";
}

TEST_F(FailuresTest, AnInterfaceThatComesLaterThanTheAgent) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  tidegate({"block", "203.0.113.5"});
  agent().stop();
  net_->remove_link();
  ASSERT_EQ(agent().start(), "") << "what ran before starts again, as at a boot where the interface is late";
  const auto missing = row("interfaces", "eth0");
  EXPECT_FALSE(missing.value("attached", true));
  EXPECT_NE(text(missing, "problem"), "");
  EXPECT_NE(warnings().find("eth0"), std::string::npos) << warnings();
  net_->make_link();
  EXPECT_TRUE(eventually([&] { return attached(); }, seconds(15)));
  EXPECT_FALSE(ping("203.0.113.5"));
}

TEST_F(FailuresTest, ADriverWithoutNativeXdpIsNotSilentlyGeneric) {
  make("version: 1\ninterfaces: [{name: eth0}, {name: lo}]\nservices: []\n");
  expect_refused({"lo", "native XDP", "mode: generic"});
  EXPECT_EQ(edge().sh("ip -o link show dev lo").find("xdp"), std::string::npos);
  ASSERT_TRUE(start("version: 1\ninterfaces: [{name: eth0}, {name: lo, mode: generic}]\nservices: []\n"));
  EXPECT_TRUE(row("interfaces", "lo").value("attached", false)) << "when asked for";
  EXPECT_EQ(text(row("interfaces", "lo"), "mode"), "generic");
}

TEST_F(FailuresTest, AForeignXdpProgramIsLeftAloneAndNamed) {
  const bpf_insn pass[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = XDP_PASS},
                           {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  const UniqueFd foreign(::bpf_prog_load(BPF_PROG_TYPE_XDP, "foreign", "GPL", pass, 2, nullptr));
  ASSERT_TRUE(foreign);
  const int eth0 = static_cast<int>(edge().ifindex("eth0"));
  edge().in([&] { ASSERT_EQ(::bpf_xdp_attach(eth0, foreign.get(), XDP_FLAGS_DRV_MODE, nullptr), 0); });
  make(policy_of(kGenerous));
  expect_refused({"eth0", "foreign", "ip link set dev eth0 xdp off"});
  EXPECT_NE(edge().sh("ip -d -o link show dev eth0").find("xdp"), std::string::npos) << "it is still there";
  edge().sh("ip link set dev eth0 xdp off");  // the remedy that was named
  ASSERT_EQ(agent().start(), "");
  EXPECT_TRUE(attached());
}

TEST_F(FailuresTest, APolicyThatExceedsAMapIsRefusedWithItsPlace) {
  std::string services;
  for (int i = 0; i < 300; ++i) {
    services += "  - {name: s" + std::to_string(i) + ", match: [udp/" + std::to_string(1000 + i) +
                "], limits: {packets: {rate: 10/s}}}\n";
  }
  ASSERT_TRUE(start(policy_of(kGenerous)));
  const Finished refused = agent().cli({"policy", "apply", agent().file("many.yaml", policy_of(services)).string()});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("250"), std::string::npos) << "names the limit: " << refused.err;
  EXPECT_TRUE(std::regex_search(refused.err, std::regex("many\\.yaml:[0-9]+:[0-9]+: "))) << refused.err;
  std::string addresses;
  for (int i = 0; i < 2000; ++i) addresses += (i ? ", 2001:db8:c:" : "2001:db8:c:") + std::to_string(i) + "::1";
  const auto safelist = agent().file("safe.yaml", policy_of(kGenerous, "safelist: [" + addresses + "]\n"));
  EXPECT_EQ(agent().cli({"policy", "apply", safelist.string()}).exit_code, 1);
  EXPECT_EQ(agent().json({"status"}).value("policy_generation", 0), 1) << "what was in force stays";
}

// A policy is data for maps: however large, it meets the program that the verifier has seen already.
TEST_F(FailuresTest, TheLargestPolicyChangesNothingThatTheVerifierWouldSee) {
  const auto program = [&] {
    std::smatch found;
    const std::string link = edge().sh("ip -d -o link show dev eth0");
    return std::regex_search(link, found, std::regex("prog/xdp id ([0-9]+)")) ? found[1].str() : link;
  };
  ASSERT_TRUE(start(policy_of(kGenerous)));
  const std::string before = program();
  std::string services;
  for (int i = 0; i < 250; ++i) {
    services += "  - {name: s" + std::to_string(i) + ", match: [udp/" + std::to_string(1000 + 3 * i) + "-" +
                std::to_string(1001 + 3 * i) + "], limits: {packets: {rate: 10/s}, bytes: {rate: 1MB/s}}}\n";
  }
  const Finished applied = agent().cli({"policy", "apply", agent().file("large.yaml", policy_of(services)).string()});
  EXPECT_EQ(applied.exit_code, 0) << applied.err;
  EXPECT_EQ(program(), before);
  EXPECT_TRUE(attached());
}

TEST_F(FailuresTest, WrongUsageAndABrokenPolicyAtStart) {
  make("version: 1\nservices: [{name: a, match: [tcp/70000]}]\n");
  expect_refused({"policy.yaml:2:"});
  EXPECT_EQ(run({program("tidegated").string(), "--no-such-option"}).exit_code, 2);
  EXPECT_EQ(run({program("tidegated").string(), "--config", agent().config().string(), "--check"}).exit_code, 1);
}

}  // namespace
}  // namespace tidegate::harness
