// SPDX-License-Identifier: Apache-2.0
// The supervisor over a program that speaks the inspector's protocol, and the examiner's
// (tests/harness/fake_inspector.cpp).
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "agent/config/policy_reader.hpp"
#include "agent/inspection/supervisor.hpp"
#include "tests/harness/signal_one.hpp"

namespace tidegate::inspection {

using inspect::Counter;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// What the supervisor did with the capture; shared, because the supervisor owns the capture itself.
struct CaptureLog {
  std::vector<kernel::CaptureScope> scopes;
  kernel::CaptureShedding shedding;
  unsigned opened = 0;
};

class FakeCapture final : public kernel::Capture {
 public:
  explicit FakeCapture(Guarded<CaptureLog>& log) : log_(log) {}
  Status set_scope(const kernel::CaptureScope& scope) override {
    log_.lock()->scopes.push_back(scope);
    return {};
  }
  void set_shedding(const kernel::CaptureShedding& shedding) override { log_.lock()->shedding = shedding; }
  kernel::CaptureCounts counts() const override { return {.shed_connections = 3, .shed_packets = 9}; }
  Result<std::vector<UniqueFd>> open(unsigned count, const std::function<Status(int)>&) override {
    log_.lock()->opened += count;
    std::vector<UniqueFd> sockets(count);
    for (auto& socket : sockets) socket = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    return sockets;
  }

 private:
  Guarded<CaptureLog>& log_;
};

inline bool eventually(const std::function<bool()>& condition, milliseconds timeout = seconds(5)) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "tg-supervisor-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    options_ = default_options();
    options_.keys.socket.reset();
    options_.find_program = [] { return std::filesystem::path(FAKE_INSPECTOR); };
    options_.load_capture = [this]() -> Result<std::unique_ptr<kernel::Capture>> {
      return std::make_unique<FakeCapture>(captured_);
    };
    options_.find_interface = [this](const std::string& interface) -> std::optional<kernel::CaptureInterface> {
      if (interface != "eth0" || ifindex_ == 0) return std::nullopt;
      return kernel::CaptureInterface{.index = ifindex_, .loopback = false};
    };
    options_.warn = [this](const std::string& what) { warnings_.lock()->push_back(what); };
    options_.timing.look_around = milliseconds(20);
  }
  void TearDown() override {
    supervisor_.reset();
    std::filesystem::remove_all(directory_);
  }

  void start(const std::string& service = "web") {
    supervisor_ = std::make_unique<Supervisor>(options_, system_clock());
    apply(service);
  }
  // Empty: a policy that inspects nothing.
  void apply(const std::string& service) {
    const std::string wish = service.empty() ? "" : ", tls: {inspect: true}";
    const auto parsed = config::read_policy("version: 1\ninterfaces: [eth0]\nservices:\n  - {name: " +
                                            (service.empty() ? "web" : service) + ", match: tcp/443" + wish + "}\n");
    ASSERT_TRUE(parsed.valid());
    supervisor_->set_policy(parsed.policy);
  }

  Report report() const { return supervisor_->report(); }
  bool reaches(State state, milliseconds timeout = seconds(5)) const {
    return eventually([&] { return report().state == state; }, timeout);
  }
  // Process id of the inspector that was told of this service, as the fake reports it.
  pid_t pid_for(const std::string& service, std::uint64_t other_than = 0) {
    std::uint64_t total = 0;
    (void)eventually([&] {
      for (const auto& row : supervisor_->endpoints(10)) {
        if (row.service == service) total = row.request_bytes;
      }
      return total > other_than;
    });
    return static_cast<pid_t>(total - other_than);
  }
  bool warned(const std::string& what) {
    for (const auto& warning : *warnings_.lock()) {
      if (warning.find(what) != warning.npos) return true;
    }
    return false;
  }
  std::filesystem::path at(const std::string& name) const { return directory_ / name; }

  std::filesystem::path directory_;
  Guarded<CaptureLog> captured_;
  Guarded<std::vector<std::string>> warnings_;
  std::atomic<unsigned> ifindex_{7};
  Options options_;
  std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace tidegate::inspection
