// SPDX-License-Identifier: Apache-2.0
// Captures of requests whose payloads attack, and a policy that has them examined by the real examiner in its sandbox.
#pragma once

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "agent/config/settings.hpp"
#include "tests/unit/cli/with_inspector.hpp"

namespace tidegate::cli::test {

inline constexpr const char* kAttack =
    "GET /search?q=1%27%20UNION%20SELECT%20name,pass%20FROM%20users--%20 HTTP/1.1\r\n";
inline constexpr const char* kHarmless = "GET /search?q=shoes HTTP/1.1\r\n";
inline constexpr const char* kRest = "Host: www.example.org\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n";

class ExaminedCapture : public WithInspector {
 protected:
  void SetUp() override {
    WithInspector::SetUp();
    if (IsSkipped()) return;
#ifndef TIDEGATE_PAYLOAD
    GTEST_SKIP() << "built without libmodsecurity";
#else
    if (!std::filesystem::exists(config::InspectSettings().payload_rules))
      GTEST_SKIP() << "the OWASP Core Rule Set is not installed";
    run.variables["TIDEGATE_PAYLOAD"] = TIDEGATE_PAYLOAD;
#endif
  }
  // A request that is never answered, before all others.
  static std::vector<tidegate::test::OwnedSegment> unanswered() {
    tidegate::test::TcpScriptOptions options;
    options.flow.client.port = 40001;
    options.start -= std::chrono::seconds(1);
    tidegate::test::TcpScript script(options);
    return script.handshake().client(std::string(kHarmless) + kRest).segments();
  }
  // Every third request attacks, the first does not.
  std::string capture_of(int requests, std::vector<tidegate::test::OwnedSegment> before = {}) {
    tidegate::test::TcpScript script;
    script.handshake();
    for (int i = 0; i < requests; ++i) {
      script.client(std::string(i % 3 == 1 ? kAttack : kHarmless) + kRest);
      script.server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    script.close();
    std::ranges::move(script.segments(), std::back_inserter(before));
    return write("attacks.pcap", tidegate::test::to_pcap(tidegate::test::to_frames(before)));
  }
  // A sample that would as good as never see all.
  std::string policy(const std::string& match = "{attack: sqli}") {
    return write("rules.yaml",
                 "version: 1\ninterfaces: [{name: eth0}]\nservices: [{name: web, match: [tcp/443], http: {inspect: "
                 "true}, payloads: {sample: 0.01}}]\nrules: [{name: injection, match: " +
                     match + ", when: {count: 3, within: 10m}, then: {action: block, for: 1h}}]\n");
  }
  Ran test(const std::string& file, const std::string& rules) {
    return run({"rules", "test", "--pcap", file, "--policy", rules, "-o", "json"});
  }
  Ran events(const std::string& file) {
    return run({"inspect", "--pcap", file, "--policy", policy(), "--events", "-o", "json", "--stats"});
  }
};

}  // namespace tidegate::cli::test
