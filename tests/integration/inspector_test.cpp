// SPDX-License-Identifier: Apache-2.0
// The real tidegate-inspector, live: this program plays the agent, on the loopback interface of a namespace.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "agent/inspect/capture/ring_setup.hpp"
#include "agent/inspect/wire/channel.hpp"
#include "agent/inspect/wire/settings_parts.hpp"
#include "agent/inspect/wire/summary_codec.hpp"
#include "tests/harness/netns.hpp"
#include "tests/harness/process.hpp"

namespace tidegate::harness {
namespace {

namespace wire = inspect::wire;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

constexpr std::uint16_t kPort = 8080;
constexpr inspect::RingGeometry kGeometry{.block_size = 1 << 18, .blocks = 64};
constexpr milliseconds kPatience{5000};

UniqueFd capture_loopback(const NetNs& space) {
  UniqueFd fd;
  space.in([&] {
    fd = UniqueFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    ASSERT_TRUE(inspect::set_up_ring(fd.get(), kGeometry, milliseconds(2)));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex("lo"));
    ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  });
  return fd;
}

sockaddr_in loopback() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// One exchange over one connection.
void exchange(const NetNs& space, const std::string& request, const std::string& response) {
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
    ring_ = capture_loopback(*space_);
    start();
  }
  void TearDown() override {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void start() {
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

const std::string kRequest = "GET /orders/17?token=hidden HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
const std::string kResponse = "HTTP/1.1 204 No Content\r\n\r\n";

TEST_F(InspectorTest, ARequestBecomesASummary) {
  begin(settings());
  const auto ready = next<wire::Ready>();
  ASSERT_TRUE(ready) << problems_;
  EXPECT_TRUE(ready->filter && ready->no_capabilities && ready->no_dump);
  exchange(*space_, kRequest, kResponse);
  const auto summary = next_summary();
  ASSERT_TRUE(summary) << problems_;
  EXPECT_EQ(summary->method, "GET");
  EXPECT_EQ(summary->path, "/orders/17");
  EXPECT_EQ(summary->path_template, "/orders/{}");
  EXPECT_EQ(summary->status, 204);
  EXPECT_EQ(summary->service, "web");
  const auto statistics =
      next<wire::Statistics>([](const auto& found) { return found.counters.of(inspect::Counter::kRequests) > 0; });
  ASSERT_TRUE(statistics);
  EXPECT_EQ(statistics->counters.of(inspect::Counter::kConnections), 1U);
  EXPECT_EQ(statistics->counters.of(inspect::Counter::kCleartext), 1U);
}

TEST_F(InspectorTest, KeyLinesAreTakenFromTheAgentAndFromSources) {
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  const std::string line = "CLIENT_RANDOM " + std::string(64, 'a') + " " + std::string(96, 'b') + "\n";
  send(wire::KeyLines{.source = 900, .lines = std::as_bytes(std::span(line.data(), line.size()))});
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  UniqueFd ours(ends[0]);
  {
    const UniqueFd theirs(ends[1]);
    send(wire::KeySource{.id = 7, .kind = wire::KeySource::Kind::kStream, .allowed_users = {}, .allowed_group = {}},
         theirs.get());
  }
  const std::string lines = "CLIENT_RANDOM " + std::string(64, 'c') + " " + std::string(96, 'd') + "\nnonsense here\n";
  ASSERT_EQ(write(ours.get(), lines.data(), lines.size()), static_cast<ssize_t>(lines.size()));
  const auto statistics = next<wire::KeyStatistics>([](const auto& found) { return found.sessions == 2; });
  ASSERT_TRUE(statistics) << problems_;
  ASSERT_EQ(statistics->sources.size(), 2U);
  EXPECT_EQ(statistics->sources[0], (wire::KeyStatistics::Source{7, 1, 1, 0, 0, 0}));
  EXPECT_EQ(statistics->sources[1], (wire::KeyStatistics::Source{900, 1, 0, 0, 0, 0}));
  EXPECT_GT(statistics->resident_bytes, 1'000'000U);
  ours.reset();
  const auto ended_source = next<wire::KeySourceEnded>();
  ASSERT_TRUE(ended_source);
  EXPECT_EQ(ended_source->id, 7U);
}

// A key log file that grows is read where no path can be opened.
TEST_F(InspectorTest, AGrowingFileIsRead) {
  const TempDir directory;
  const auto path = directory.path() / "keys.log";
  write_file(path, "CLIENT_RANDOM " + std::string(64, 'a') + " " + std::string(96, 'b') + "\n");
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  send(wire::KeySource{.id = 3, .kind = wire::KeySource::Kind::kFile, .allowed_users = {}, .allowed_group = {}},
       file.get());
  ASSERT_TRUE(next<wire::KeyStatistics>([](const auto& found) { return found.sessions == 1; })) << problems_;
  const UniqueFd writer(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  const std::string more = "CLIENT_RANDOM " + std::string(64, 'c') + " " + std::string(96, 'd') + "\n";
  ASSERT_EQ(write(writer.get(), more.data(), more.size()), static_cast<ssize_t>(more.size()));
  EXPECT_TRUE(next<wire::KeyStatistics>([](const auto& found) { return found.sessions == 2; })) << problems_;
}

TEST_F(InspectorTest, NewSettingsActWithoutARestart) {
  inspect::Settings nothing = settings();
  nothing.services.front().ports = {{1, 1}};
  begin(nothing);
  ASSERT_TRUE(next<wire::Ready>());
  exchange(*space_, kRequest, kResponse);
  ASSERT_TRUE(next<wire::Statistics>([](const auto& found) {
    return found.counters.of(inspect::Counter::kPackets) > 5;
  })) << problems_;
  send(settings());
  send(wire::IdentityKey{});
  for (int i = 0; i < 50; ++i) {
    exchange(*space_, kRequest, kResponse);
    const auto statistics = next<wire::Statistics>();
    ASSERT_TRUE(statistics) << problems_;
    if (statistics->counters.of(inspect::Counter::kRequests) > 0) return;
  }
  ADD_FAILURE() << "the new service is not inspected";
}

// The same cookie is the same session until the key is replaced, and then another one: nobody can be followed for
// longer.
TEST_F(InspectorTest, SessionsHaveOtherHashesUnderAnotherKey) {
  inspect::Settings with_session = settings();
  with_session.services.front().session = {inspect::IdentityField::Where::kCookie, "sid"};
  begin(with_session);
  ASSERT_TRUE(next<wire::Ready>());
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nCookie: sid=somebody\r\n\r\n";
  const auto session = [&]() -> std::optional<inspect::IdentityHash> {
    exchange(*space_, request, kResponse);
    const auto summary = next_summary();
    return summary ? summary->session : std::nullopt;
  };
  const auto before = session();
  ASSERT_TRUE(before) << problems_;
  EXPECT_EQ(session(), before);
  wire::IdentityKey other;
  other.key.fill(std::byte{2});
  send(other);
  auto after = session();
  for (int i = 0; i < 50 && after == before; ++i) after = session();  // the key arrives while connections go on
  ASSERT_TRUE(after) << problems_;
  EXPECT_NE(after, before);
  EXPECT_EQ(session(), after);
  send(with_session);  // settings carry the key, the first one here
  for (int i = 0; i < 50 && after != before; ++i) after = session();
  EXPECT_EQ(after, before);
}

TEST_F(InspectorTest, StopEndsItInOrder) {
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  send(wire::Stop{});
  EXPECT_EQ(ended(), 0);
}

TEST_F(InspectorTest, ItEndsWhenTheAgentHasGone) {
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  channel_->close();
  EXPECT_EQ(ended(), 0);
}

TEST_F(InspectorTest, ItSaysWhyItCannotBegin) {
  send(wire::Start{.workers = 1, .ring_block_bytes = 12345, .ring_blocks = 1});
  send(settings());
  const auto problem = next<wire::Problem>();
  ASSERT_TRUE(problem);
  EXPECT_TRUE(problem->fatal);
  EXPECT_EQ(ended(), 1);
}

// Nothing that the agent's end may say makes it fall over.
TEST_F(InspectorTest, NonsenseOnTheChannelIsAnswered) {
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  const std::vector<std::byte> nonsense(100, std::byte{7});
  ASSERT_TRUE(channel_->send(nonsense, wire::Wait::kYes));
  const auto problem = next<wire::Problem>();
  ASSERT_TRUE(problem);
  EXPECT_FALSE(problem->fatal);
  exchange(*space_, kRequest, kResponse);
  EXPECT_TRUE(next_summary());
}

// An agent that does not read costs summaries, which are counted, and never blocks the capture.
TEST_F(InspectorTest, AnAgentThatDoesNotReadLosesSummariesOnly) {
  begin(settings());
  ASSERT_TRUE(next<wire::Ready>());
  std::string requests;
  std::string responses;
  for (int i = 0; i < 400; ++i) {
    requests += "GET /" + std::string(1000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
    responses += kResponse;
  }
  std::uint64_t dropped = 0;
  for (int i = 0; i < 12; ++i) exchange(*space_, requests, responses);
  wait_until_idle();
  const auto statistics = next<wire::Statistics>([&dropped](const auto& found) {
    dropped = found.counters.of(inspect::Counter::kSummariesDropped);
    return found.counters.of(inspect::Counter::kRequests) == 12 * 400;
  });
  ASSERT_TRUE(statistics) << problems_;
  EXPECT_GT(dropped, 0U);
}

}  // namespace
}  // namespace tidegate::harness
