// SPDX-License-Identifier: Apache-2.0
// The agent's side of inspection without the rest of the agent: bench_inspector INSPECTOR POLICY KEY_SOCKET. Prints
// "ready", then, for each line on stdin, one JSON object of what came since the last: how many summaries, and how long
// after the last byte of the response was captured each was in this process. Ends with stdin.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <thread>
#include <vector>

#include "agent/base/guarded.hpp"
#include "agent/config/policy_reader.hpp"
#include "agent/inspection/supervisor.hpp"
#include "agent/kernel/capture.hpp"

namespace tidegate::bench {
namespace {

using std::chrono::duration;

class Delays final : public inspection::SummaryConsumer {
 public:
  void take(const inspect::Summary& summary) override {
    const auto delay = system_clock().wall() - (summary.began + summary.duration);
    delays_.lock()->push_back(duration<double, std::milli>(delay).count());
  }
  std::vector<double> since_last() { return std::exchange(*delays_.lock(), {}); }

 private:
  Guarded<std::vector<double>> delays_;
};

double quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

void print(std::vector<double> delays, const inspection::Report& report) {
  const auto of = [&](inspect::Counter counter) {
    return static_cast<unsigned long long>(report.counters.of(counter));
  };
  std::printf(
      "{\"summaries\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"ring_dropped\": %llu, \"no_key\": %llu, "
      "\"shed\": %llu, \"key_lines_dropped\": %llu}\n",
      delays.size(), quantile(delays, 0.5), quantile(delays, 0.99), of(inspect::Counter::kRingDropped),
      of(inspect::Counter::kNoKey), of(inspect::Counter::kShedFlows), of(inspect::Counter::kKeySourceDropped));
  std::fflush(stdout);
}

inspection::Options options_of(const char* program, const char* socket, const std::shared_ptr<Delays>& delays) {
  inspection::Options options = inspection::default_options();
  options.keys.socket = config::KeySocketSettings{.path = socket, .group = "www-data"};
  options.find_program = [program]() -> Result<std::filesystem::path> { return program; };
  options.load_capture = kernel::Capture::load;
  options.find_interface = kernel::find_capture_interface;
  options.warn = [](const std::string& what) { std::fprintf(stderr, "%s\n", what.c_str()); };
  options.consumers = {delays};
  return options;
}

int run(const char* program, const char* policy_file, const char* socket) {
  std::ifstream file(policy_file);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto parsed = config::read_policy(text);
  if (!parsed.valid()) return std::fprintf(stderr, "%s: not a policy\n", policy_file), 1;
  const auto delays = std::make_shared<Delays>();
  inspection::Supervisor supervisor(options_of(program, socket, delays), system_clock());
  supervisor.set_policy(parsed.policy);
  while (supervisor.report().state != inspection::State::kRunning)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::printf("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) print(delays->since_last(), supervisor.report());
  return 0;
}

}  // namespace
}  // namespace tidegate::bench

int main(int argc, char** argv) {
  if (argc == 4) return tidegate::bench::run(argv[1], argv[2], argv[3]);
  std::fprintf(stderr, "usage: bench_inspector INSPECTOR POLICY KEY_SOCKET\n");
  return 2;
}
