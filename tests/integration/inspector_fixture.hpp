// SPDX-License-Identifier: Apache-2.0
// The real tidegate-inspector, live: this program plays the agent, on the loopback interface of a namespace.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "agent/inspect/capture/ring_setup.hpp"
#include "agent/inspect/wire/channel.hpp"
#include "agent/inspect/wire/settings_parts.hpp"
#include "agent/inspect/wire/summary_codec.hpp"
#include "tests/harness/netns.hpp"
#include "tests/harness/process.hpp"
#include "tests/harness/signal_one.hpp"
#include "tests/integration/capture_socket.hpp"

namespace tidegate::harness {

namespace wire = inspect::wire;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

inline constexpr std::uint16_t kPort = 8080;
inline constexpr inspect::RingGeometry kGeometry{.block_size = 1 << 18, .blocks = 64};
inline constexpr milliseconds kPatience{5000};

inline sockaddr_in loopback() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// One exchange over one connection.
inline void exchange(const NetNs& space, const std::string& request, const std::string& response) {
  space.in([&] {
    const sockaddr_in address = loopback();
    const auto* raw = reinterpret_cast<const sockaddr*>(&address);
    const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    ASSERT_EQ(bind(listener.get(), raw, sizeof address), 0);
    ASSERT_EQ(listen(listener.get(), 1), 0);
    const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(client.get(), raw, sizeof address), 0);
    const UniqueFd server(accept(listener.get(), nullptr, nullptr));
    ASSERT_EQ(send(client.get(), request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    std::string got(request.size(), ' ');
    ASSERT_EQ(recv(server.get(), got.data(), got.size(), MSG_WAITALL), static_cast<ssize_t>(got.size()));
    ASSERT_EQ(send(server.get(), response.data(), response.size(), 0), static_cast<ssize_t>(response.size()));
    got.resize(response.size());
    ASSERT_EQ(recv(client.get(), got.data(), got.size(), MSG_WAITALL), static_cast<ssize_t>(got.size()));
  });
}

class InspectorTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_isolate()) GTEST_SKIP() << why_not();
    space_.emplace("inspector");
    ring_ = capture_on(*space_, "lo", kGeometry);
    start();
  }
  void TearDown() override {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void restart_with_memlock(rlim_t limit) {
    TearDown();
    start(limit);
  }
  void start(std::optional<rlim_t> memlock = std::nullopt) {
    auto ends = wire::Channel::pair();
    ASSERT_TRUE(ends.has_value());
    channel_.emplace(std::move(ends->first));
    const UniqueFd theirs(std::move(ends->second));
    const UniqueFd channel_aside(fcntl(theirs.get(), F_DUPFD_CLOEXEC, 100));
    const UniqueFd ring_aside(fcntl(ring_.get(), F_DUPFD_CLOEXEC, 100));
    pid_ = fork();
    if (pid_ == 0) {
      dup2(channel_aside.get(), wire::kChannelFd);
      dup2(ring_aside.get(), wire::kFirstRingFd);
      if (memlock) prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK);  // for whom the limit does not count
      const rlimit limit{memlock.value_or(0), memlock.value_or(0)};
      if (memlock && setrlimit(RLIMIT_MEMLOCK, &limit) != 0) _exit(126);
      const char* const none[] = {nullptr};
      const char* const arguments[] = {"tidegate-inspector", nullptr};
      execve(TIDEGATE_INSPECTOR, const_cast<char**>(arguments), const_cast<char**>(none));
      _exit(127);
    }
  }

  void send(const wire::ToInspector& message, int descriptor = -1) {
    ASSERT_TRUE(channel_->send(wire::encode(message), wire::Wait::kYes, descriptor));
  }
  void send(const inspect::Settings& settings) {
    const auto parts = wire::encode_settings(settings);
    for (const auto& part : *parts) ASSERT_TRUE(channel_->send(part, wire::Wait::kYes));
  }
  void begin(const inspect::Settings& settings) {
    send(wire::Start{.workers = 1, .ring_block_bytes = kGeometry.block_size, .ring_blocks = kGeometry.blocks});
    send(settings);
  }
  static inspect::Settings settings() {
    inspect::Settings settings;
    settings.services.push_back({.name = "web", .ports = {{kPort, kPort}}});
    settings.identity_key.fill(std::byte{1});
    return settings;
  }

  // The next message of one kind; others are passed over.
  template <typename Message>
  std::optional<Message> next(const std::function<bool(const Message&)>& wanted = nullptr) {
    const auto end = steady_clock::now() + kPatience;
    while (steady_clock::now() < end) {
      pollfd entry{channel_->fd(), POLLIN, 0};
      poll(&entry, 1, 50);
      auto received = channel_->receive(wire::Wait::kNo);
      if (!received) {
        problems_ += received.error().message + ", exit " + std::to_string(ended().value_or(-1)) + "\n";
        return std::nullopt;
      }
      if (!*received) continue;
      kept_.assign((*received)->message.begin(), (*received)->message.end());
      auto message = wire::decode_to_agent(kept_);
      if (!message) ADD_FAILURE() << message.error().message;
      if (const auto* problem = std::get_if<wire::Problem>(&*message)) problems_ += problem->text + "\n";
      auto* found = std::get_if<Message>(&*message);
      if (found != nullptr && (!wanted || wanted(*found))) return std::move(*found);
    }
    return std::nullopt;
  }
  std::optional<inspect::Summary> next_summary() {
    const auto batch = next<wire::Summaries>();
    if (!batch) return std::nullopt;
    inspect::Summary summary;
    wire::SummaryReader reader(batch->records);
    if (!reader.next(summary)) return std::nullopt;
    return summary;
  }
  // CPU time of all its threads, as /proc says.
  std::chrono::nanoseconds worked() const {
    std::int64_t sum = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task")) {
      std::int64_t one = 0;
      std::ifstream(task.path() / "schedstat") >> one;
      sum += one;
    }
    return std::chrono::nanoseconds(sum);
  }
  // VmLck of /proc/PID/status.
  std::uint64_t locked_kib() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string word; status >> word;) {
      std::uint64_t size = 0;
      if (word == "VmLck:" && status >> size) return size;
    }
    return ~std::uint64_t{0};
  }
  // Whether `bytes` are anywhere in its memory that it can write to.
  bool remembers(std::string_view bytes) const {
    const auto of_process = [this](const char* file) { return "/proc/" + std::to_string(pid_) + "/" + file; };
    const UniqueFd memory(open(of_process("mem").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(memory) << "cannot read its memory: " << std::strerror(errno);
    std::ifstream maps(of_process("maps"));
    for (std::string line; std::getline(maps, line);) {
      std::uint64_t begin = 0;
      std::uint64_t end = 0;
      if (std::sscanf(line.c_str(), "%lx-%lx rw", &begin, &end) != 2 || line.find(" rw") == line.npos) continue;
      std::string part(end - begin, '\0');
      const ssize_t size = pread(memory.get(), part.data(), part.size(), static_cast<off_t>(begin));
      if (size > 0 && std::string_view(part).substr(0, static_cast<std::size_t>(size)).find(bytes) != part.npos) {
        return true;
      }
    }
    return false;
  }
  bool forgets(std::string_view bytes) const {
    for (const auto end = steady_clock::now() + kPatience; steady_clock::now() < end;) {
      if (!remembers(bytes)) return true;
      std::this_thread::sleep_for(milliseconds(50));  // nothing tells when a worker has taken a message
    }
    return false;
  }
  // Until it has read what is in its ring: it does next to nothing for a while.
  void wait_until_idle() const {
    const auto end = steady_clock::now() + kPatience;
    auto before = worked();
    for (int quiet = 0; quiet < 4 && steady_clock::now() < end;) {
      std::this_thread::sleep_for(milliseconds(50));  // what is waited for is that time passes without work
      const auto now = worked();
      quiet = now - before < milliseconds(5) ? quiet + 1 : 0;
      before = now;
    }
  }
  // Its exit code; 128 + signal. None: it still runs.
  std::optional<int> ended() {
    for (const auto end = steady_clock::now() + kPatience; steady_clock::now() < end;) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      std::this_thread::sleep_for(milliseconds(5));  // there is nothing else to wait on but the process itself
    }
    return std::nullopt;
  }

  std::optional<NetNs> space_;
  UniqueFd ring_;
  std::optional<wire::Channel> channel_;
  pid_t pid_ = -1;
  std::vector<std::byte> kept_;
  std::string problems_;
};

}  // namespace tidegate::harness
