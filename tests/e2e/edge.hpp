// SPDX-License-Identifier: Apache-2.0
// An edge with nginx on port 80, for end-to-end tests.
#pragma once

#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {

class EdgeTest : public AgentTest {
 protected:
  void SetUp() override {
    if (run({"nginx", "-v"}).exit_code != 0) GTEST_SKIP() << "nginx is not installed";
    AgentTest::SetUp();
    if (IsSkipped()) return;
    const auto directory = files_.path();
    std::filesystem::create_directories(directory / "www");
    std::string page;
    for (int i = 0; i < 9000; ++i) page += "item" + std::to_string(i * 7919 % 10007) + " ";
    write_file(directory / "www/index.html", page);
    write_file(directory / "nginx.conf",
               "worker_processes 1; daemon off; user root; pid " + (directory / "pid").string() + "; error_log " +
                   (directory / "log").string() +
                   "; worker_rlimit_nofile 20000;\nevents { worker_connections 4096; }\nhttp { access_log off; "
                   "gzip on; types { text/html html; } server { listen 80; listen [::]:80; root " +
                   (directory / "www").string() + "; } }\n");
    nginx_ = Process::start({"nginx", "-c", (directory / "nginx.conf").string()}, {.netns = edge().name()});
    ASSERT_TRUE(eventually([&] { return get("198.51.100.200") == "200"; }, seconds(10)))
        << read_file(directory / "log");
  }
  void TearDown() override { nginx_.stop(); }

  // The HTTP status that curl sees, or "000".
  std::string get(const std::string& source, int timeout = 2) const {
    return run({"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", std::to_string(timeout),
                "--interface", source, "http://192.0.2.1/"},
               {.netns = world().name()})
        .out;
  }

  struct Seen {
    double requests = 0, answered = 0, median = 0;
    double share() const { return requests > 0 ? answered / requests : 0; }
  };
  // Twenty requests a second from sixteen addresses.
  Seen watch(unsigned for_seconds) const {
    const Finished finished = run({program("tidegate-load").string(), "--from", "198.51.100.0/28", "--to", "192.0.2.1",
                                   "--rate", "20", "--gzip", "--seconds", std::to_string(for_seconds)},
                                  {.netns = world().name()}, seconds(60));
    const auto report = nlohmann::json::parse(finished.out, nullptr, false);
    if (report.is_discarded()) return {};
    return {report.value("requests", 0.0), report.value("answered", 0.0), report.value("p50_ms", 0.0)};
  }

  Process start_attack(const std::string& from, unsigned for_seconds) const {
    return Process::start({program("tidegate-load").string(), "--from", from, "--to", "192.0.2.1", "--concurrency",
                           "1500", "--timeout", "3000", "--gzip", "--seconds", std::to_string(for_seconds)},
                          {.netns = world().name()});
  }

  static constexpr const char* kWeb =
      "  - {name: web, match: [tcp/80], limits: {packets: {rate: 1000/s, burst: 2000}, syn: {rate: 2/s, burst: 20},"
      " new_sources: {rate: 20000/s, syn_share: 0.25}}}\n"
      "  - {name: everything-else, default: true, limits: {packets: {rate: 1000/s, burst: 2000}}}\n";

  TempDir files_;
  Process nginx_;
};

}  // namespace tidegate::harness
