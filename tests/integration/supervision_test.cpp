// SPDX-License-Identifier: Apache-2.0
// The real agent with the real inspector: whatever becomes of the inspector costs visibility only.
#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <sstream>

#include "tests/harness/signal_one.hpp"
#include "tests/integration/agent_test.hpp"
#include "tidegate/v1/keys.grpc.pb.h"

namespace tidegate::harness {
namespace {

using nlohmann::json;

constexpr const char* kInspected =
    "  - {name: site, match: [tcp/8080, tcp/8443], tls: {inspect: true}, session: {cookie: sid}}\n";
constexpr const char* kNotInspected = "  - {name: site, match: [tcp/8080, tcp/8443]}\n";

class SupervisionTest : public AgentTest {
 protected:
  void start_inspecting(const std::string& services = kInspected, const std::string& keys = "",
                        const std::string& more = "", const std::string& group = "") {
    AgentOptions options;
    options.settings =
        "keys:\n  socket: {path: " + key_socket() + (group.empty() ? "" : ", group: " + group) + "}\n" + keys + more;
    ASSERT_TRUE(start(policy_of(services + kGenerous), options));
    web_ = Process::start({"python3", "-m", "http.server", "8080", "--directory", scratch_.path().string()},
                          {.netns = edge().name()});
    ASSERT_TRUE(eventually([&] { return get("/ready") == 404; }, seconds(10)));
  }

  // A TLS server on port 8443 that writes its keys to keylog(); ready when this returns.
  Process start_tls() const {
    const std::string cert = (scratch_.path() / "cert.pem").string();
    const std::string key = (scratch_.path() / "key.pem").string();
    shell("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=edge -days 2 -keyout " + key + " -out " + cert +
          " 2>/dev/null");
    auto server = Process::start({"openssl", "s_server", "-accept", "8443", "-cert", cert, "-key", key, "-www",
                                  "-quiet", "-keylogfile", keylog()},
                                 {.netns = edge().name()});
    EXPECT_TRUE(eventually([&] { return fetch(); }, seconds(10)));
    return server;
  }
  std::string key_socket() const { return (scratch_.path() / "keys.sock").string(); }
  std::string keylog() const { return (scratch_.path() / "keys.log").string(); }
  bool fetch() const {
    return run({"curl", "-sk", "-o", "/dev/null", "--max-time", "2",
                std::string("https://") + Topology::kEdge4 + ":8443/page/7"},
               {.netns = world().name()})
               .exit_code == 0;
  }
  grpc::Status publish(const std::string& lines) const {
    const auto stub = v1::KeyService::NewStub(
        grpc::CreateChannel("unix:" + agent().socket().string(), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    v1::PublishKeysResponse response;
    const auto writer = stub->Publish(&context, &response);
    v1::PublishKeysRequest request;
    request.set_lines(lines);
    writer->Write(request);
    writer->WritesDone();
    return writer->Finish();
  }

  // Sends a key line as somebody, who finds the door open: modes are not what stops them.
  void send_key_as(const std::string& user, const std::string& group, const std::string& groups) const {
    namespace fs = std::filesystem;
    fs::permissions(scratch_.path(), fs::perms::others_exec, fs::perm_options::add);
    fs::permissions(key_socket(), fs::perms::others_read | fs::perms::others_write, fs::perm_options::add);
    const std::string line = "CLIENT_RANDOM " + std::string(64, 'a') + " " + std::string(96, 'b');
    const auto sent = run({"setpriv", "--reuid=" + user, "--regid=" + group, groups, "/usr/bin/python3", "-c",
                           "import socket, sys, time\n"
                           "key = socket.socket(socket.AF_UNIX)\n"
                           "key.connect(sys.argv[1])\n"
                           "try: key.sendall(sys.argv[2].encode() + b'\\n')\n"
                           "except BrokenPipeError: sys.exit()\n"
                           "time.sleep(0.1)\n",
                           key_socket(), line});
    EXPECT_EQ(sent.exit_code, 0) << sent.err;
  }
  json source(const std::string& kind) const {
    for (const auto& source : inspector().value("keys", json::array())) {
      if (text(source, "kind") == kind) return source;
    }
    return json::object();
  }
  std::string metrics() const {
    return run({"curl", "-s", "http://127.0.0.1:9464/metrics"}, {.netns = edge().name()}).out;
  }

  json inspector() const { return agent().json({"status"}).value("inspector", json::object()); }
  std::string state() const { return text(inspector(), "state"); }
  bool reaches(const std::string& wanted, milliseconds timeout = seconds(10)) const {
    return eventually([&] { return state() == wanted; }, timeout);
  }
  std::uint64_t restarts() const { return inspector().value("restarts", 0ULL); }

  // The status of a request from the world; 0: none.
  int get(const std::string& path, const std::string& source = Topology::kWorld4) const {
    const auto done = run({"curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "2", "--interface",
                           source, std::string("http://") + Topology::kEdge4 + ":8080" + path},
                          {.netns = world().name()});
    return std::atoi(done.out.c_str());
  }
  // How many requests the agent knows of with this path.
  std::uint64_t requests_to(const std::string& path_template) const {
    for (const auto& row : agent().json({"top", "--once", "--by", "endpoint"})) {
      if (text(row, "path_template") == path_template) return row.value("requests", 0ULL);
    }
    return 0;
  }
  bool sees(const std::string& path) const {
    get(path);
    return eventually([&] { return requests_to(path) > 0; }, seconds(3));
  }

  std::vector<pid_t> inspectors() const {
    std::istringstream words(run({"pgrep", "-P", std::to_string(agent().pid())}).out);
    std::vector<pid_t> pids;
    for (pid_t pid = 0; words >> pid;) pids.push_back(pid);
    return pids;
  }
  pid_t the_inspector() const {
    const auto pids = inspectors();
    EXPECT_EQ(pids.size(), 1U);
    return pids.empty() ? -1 : pids.front();
  }

  TempDir scratch_;
  Process web_;
};

TEST_F(SupervisionTest, RequestsAreSeenAndCounted) {
  start_inspecting();
  ASSERT_TRUE(reaches("running")) << inspector().dump();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get("/users/" + std::to_string(1000 + i) + "?token=planted-secret"), 404);
  ASSERT_TRUE(eventually([&] { return requests_to("/users/{}") == 5; }, seconds(5)))
      << agent().json({"top", "--once", "--by", "endpoint"}).dump() << inspector().dump();
  EXPECT_TRUE(eventually([&] { return inspector().value("connections", 0ULL) >= 5; }, seconds(3)));
  const json status = inspector();
  const bool store_alone = warnings().find("only their store is locked") != std::string::npos;  // a low RLIMIT_MEMLOCK
  EXPECT_NE(status.value("secrets_locked", false), store_alone) << warnings();
  EXPECT_TRUE(status.value("key_store_locked", false)) << warnings();
  EXPECT_TRUE(status.value("sandboxed", false));
  EXPECT_EQ(status.value("lost_bytes", 1ULL), 0U);
  EXPECT_NE(agent().cli({"status"}).out.find("inspector running"), std::string::npos);
  EXPECT_NE(metrics().find("tidegate_inspector_up 1\n"), std::string::npos);
  EXPECT_EQ(metrics().find("planted-secret"), std::string::npos);
}

TEST_F(SupervisionTest, AKilledInspectorCostsVisibilityOnly) {
  start_inspecting();
  ASSERT_TRUE(reaches("running"));
  ASSERT_TRUE(sees("/before"));
  tidegate({"block", "198.51.100.66"});
  const pid_t first = the_inspector();
  ASSERT_TRUE(signal_one(first, SIGKILL));
  EXPECT_FALSE(ping("198.51.100.66")) << "blocks hold";
  EXPECT_EQ(get("/during"), 404) << "and clients are served";
  ASSERT_TRUE(eventually([&] { return restarts() == 1 && state() == "running"; }, seconds(1)));
  EXPECT_NE(the_inspector(), first);
  EXPECT_TRUE(sees("/after"));
  EXPECT_NE(agent().log().find("inspector: killed by signal 9"), std::string::npos);
}

TEST_F(SupervisionTest, AHungInspectorIsReplaced) {
  start_inspecting();
  ASSERT_TRUE(reaches("running"));
  ASSERT_TRUE(signal_one(the_inspector(), SIGSTOP));
  EXPECT_EQ(get("/during"), 404);
  ASSERT_TRUE(eventually([&] { return restarts() == 1 && state() == "running"; }, seconds(10)));
  EXPECT_EQ(inspector().value("kills", 0ULL), 1U);
  EXPECT_TRUE(sees("/after"));
}

TEST_F(SupervisionTest, ThePolicySwitchesInspectionOffAndOn) {
  start_inspecting(kNotInspected);
  EXPECT_EQ(state(), "off");
  EXPECT_TRUE(inspectors().empty());
  const auto top = agent().cli({"top", "--once", "--by", "endpoint"});
  EXPECT_EQ(top.exit_code, 1);
  EXPECT_NE(top.err.find("nothing is inspected"), std::string::npos);
  tidegate({"policy", "apply", agent().file("on.yaml", policy_of(kInspected + kGenerous)).string()});
  ASSERT_TRUE(reaches("running"));
  ASSERT_TRUE(sees("/on"));
  EXPECT_TRUE(std::filesystem::exists(scratch_.path() / "keys.sock"));
  tidegate({"policy", "apply", agent().file("off.yaml", policy_of(kNotInspected + kGenerous)).string()});
  ASSERT_TRUE(reaches("off"));
  EXPECT_TRUE(eventually([&] { return inspectors().empty(); }, seconds(5)));
  EXPECT_FALSE(std::filesystem::exists(scratch_.path() / "keys.sock"));
  EXPECT_EQ(restarts(), 0U);
}

TEST_F(SupervisionTest, AnInterfaceThatWasReplacedIsSeenAgain) {
  start_inspecting();
  ASSERT_TRUE(reaches("running"));
  ASSERT_TRUE(sees("/first"));
  net_->remove_link();
  net_->make_link();
  ASSERT_TRUE(eventually([&] { return attached() && get("/again") == 404; }, seconds(10)));
  EXPECT_TRUE(eventually([&] { return sees("/second"); }, seconds(10)));
  EXPECT_EQ(restarts(), 0U) << "the filter follows, nothing else";
}

TEST_F(SupervisionTest, SeveralCoresAndBothFamilies) {
  start_inspecting(kInspected, "", "inspect: {cores: 2, memory: 128MB}\n");
  ASSERT_TRUE(reaches("running"));
  const auto web6 = Process::start({"python3", "-m", "http.server", "8443", "--bind", "::", "--directory", "/"},
                                   {.netns = edge().name()});
  const std::string url = std::string("http://[") + Topology::kEdge6 + "]:8443/six";
  EXPECT_TRUE(eventually(
      [&] {
        run({"curl", "-s", "-o", "/dev/null", "--max-time", "1", url}, {.netns = world().name()});
        return requests_to("/six") > 0;
      },
      seconds(10)))
      << inspector();
  for (int i = 0; i < 40; ++i) get("/many");
  EXPECT_TRUE(eventually([&] { return requests_to("/many") == 40; }, seconds(5))) << inspector();
  EXPECT_EQ(inspector().value("counters", json::object()).value("connections_lossy", 1ULL), 0U)
      << "both directions of a connection reach the same core";
}

TEST_F(SupervisionTest, KeysPublishedOverTheApiOpenTls) {
  start_inspecting();
  ASSERT_TRUE(reaches("running"));
  const auto tls = start_tls();
  EXPECT_TRUE(eventually(
      [&] {
        std::filesystem::resize_file(keylog(), 0);
        if (!fetch()) return false;
        const auto published = publish(read_file(keylog()));
        EXPECT_TRUE(published.ok()) << published.error_message();
        return eventually([&] { return requests_to("/page/{}") > 0; }, seconds(1));
      },
      seconds(15)))
      << inspector();
  EXPECT_TRUE(eventually([&] { return source("publish").value("accepted", 0ULL) > 0; }, seconds(3))) << inspector();
  EXPECT_EQ(source("publish").value("malformed", 1ULL), 0U);
}

TEST_F(SupervisionTest, JunkPublishedOverTheApiIsCalledMalformed) {
  start_inspecting();
  ASSERT_TRUE(reaches("running"));
  EXPECT_TRUE(publish("this is no key\nnor is this\n").ok());
  EXPECT_TRUE(eventually([&] { return source("publish").value("malformed", 0ULL) == 2; }, seconds(3))) << inspector();
  EXPECT_EQ(source("publish").value("accepted", 1ULL), 0U);
  const std::string lines =
      "tidegate_inspector_key_lines_total{source=\"publish\",path=\"\",outcome=\"malformed\"} 2\n";
  EXPECT_TRUE(eventually([&] { return metrics().find(lines) != std::string::npos; }, seconds(3))) << metrics();
}

TEST_F(SupervisionTest, TheKeySocketAsksWhoConnects) {
  start_inspecting(kInspected, "", "", "daemon");
  ASSERT_TRUE(reaches("running"));
  send_key_as("4004", "4004", "--clear-groups");
  EXPECT_TRUE(eventually([&] { return source("socket").value("refused", 0ULL) == 1; }, seconds(3))) << inspector();
  EXPECT_EQ(source("socket").value("accepted", 1ULL), 0U) << "the mode let it in, its credentials do not";
  EXPECT_NE(metrics().find("tidegate_inspector_keys_refused_total 1\n"), std::string::npos);
  const std::string member = run({"getent", "group", "daemon"}).out;
  const std::size_t number = member.find(":x:") + 3;
  send_key_as("4004", "4004", "--groups=" + member.substr(number, member.find(':', number) - number));
  send_key_as("0", "0", "--clear-groups");
  EXPECT_TRUE(eventually([&] { return source("socket").value("accepted", 0ULL) == 2; }, seconds(3))) << inspector();
  EXPECT_EQ(source("socket").value("refused", 0ULL), 1U) << "members of the group and root are welcome";
}

TEST_F(SupervisionTest, KeysFromAFileOpenTls) {
  start_inspecting(kInspected, "  files: [" + keylog() + "]\n");
  ASSERT_TRUE(reaches("running"));
  const auto tls = start_tls();
  EXPECT_TRUE(eventually([&] { return fetch() && requests_to("/page/{}") > 0; }, seconds(10))) << inspector().dump();
  EXPECT_TRUE(eventually([&] { return inspector().value("decrypted", 0ULL) >= 1; }, seconds(3)));
  EXPECT_TRUE(eventually([&] { return source("file").value("accepted", 0ULL) > 0; }, seconds(3)));
}

TEST_F(SupervisionTest, AStoppedAgentTakesTheInspectorAlong) {
  start_inspecting();
  ASSERT_TRUE(reaches("running"));
  const pid_t pid = the_inspector();
  EXPECT_EQ(agent().stop().exit_code, 0);
  EXPECT_EQ(::kill(pid, 0), -1);
  ASSERT_EQ(agent().start(), "");
  ASSERT_TRUE(reaches("running"));
  const pid_t second = the_inspector();
  agent().kill();
  EXPECT_TRUE(eventually([&] { return ::kill(second, 0) != 0; }, seconds(2))) << "also when the agent is killed";
}

}  // namespace
}  // namespace tidegate::harness
