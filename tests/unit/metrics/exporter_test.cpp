// SPDX-License-Identifier: Apache-2.0
// /metrics over a real socket: where it listens, what it says.
#include "agent/metrics/exporter.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <fstream>

#include "agent/base/unique_fd.hpp"
#include "tests/unit/control/fixture.hpp"

namespace tidegate::metrics {
namespace {

class ExporterTest : public testing::ControlTest {};

sockaddr_in address(const char* host, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  ::inet_pton(AF_INET, host, &to.sin_addr);
  return to;
}

std::string get(std::uint16_t port, const std::string& path) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto to = address("127.0.0.1", port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) return "no connection";
  const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
  if (::write(fd.get(), request.data(), request.size()) < 0) return "no request";
  std::string text(1 << 20, '\0');
  std::size_t used = 0;
  for (;;) {
    const ssize_t got = ::read(fd.get(), text.data() + used, text.size() - used);
    if (got <= 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

// Local addresses that listen on this port, as /proc/net/tcp and tcp6 write them.
std::vector<std::string> listening(std::uint16_t port) {
  char wanted[8];
  std::snprintf(wanted, sizeof(wanted), ":%04X", port);
  std::vector<std::string> found;
  for (const char* file : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
      const auto at = line.find(wanted);
      const auto state = line.find(" 0A ");
      if (at != line.npos && state != line.npos && at < 44) found.push_back(line.substr(0, at));
    }
  }
  return found;
}

TEST_F(ExporterTest, ServesTheStateOnLoopbackOnly) {
  apply_first();
  const auto exporter = Exporter::listen("127.0.0.1:0");
  ASSERT_TRUE(exporter) << exporter.error().message;
  EXPECT_NE(get((*exporter)->port(), "/metrics").find(" 404 "), std::string::npos) << "nothing is known yet";
  (*exporter)->serve(*controllers_);
  const std::string answer = get((*exporter)->port(), "/metrics");
  EXPECT_NE(answer.find("200 OK"), std::string::npos) << answer;
  EXPECT_NE(answer.find("tidegate_policy_generation 1\n"), std::string::npos) << answer;
  const auto sockets = listening((*exporter)->port());
  ASSERT_EQ(sockets.size(), 1U);
  EXPECT_NE(sockets[0].find("0100007F"), std::string::npos) << "127.0.0.1 and nothing else: " << sockets[0];
  EXPECT_EQ(get((*exporter)->port(), "/").find("tidegate_"), std::string::npos);
}

TEST_F(ExporterTest, TakenPortIsOneLineWithTheRemedy) {
  const UniqueFd other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto to = address("127.0.0.1", 0);
  ASSERT_EQ(::bind(other.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
  ASSERT_EQ(::listen(other.get(), 1), 0);
  socklen_t size = sizeof(to);
  ASSERT_EQ(::getsockname(other.get(), reinterpret_cast<sockaddr*>(&to), &size), 0);
  const std::string taken = "127.0.0.1:" + std::to_string(ntohs(to.sin_port));
  const auto exporter = Exporter::listen(taken);
  ASSERT_FALSE(exporter);
  EXPECT_NE(exporter.error().message.find(taken), std::string::npos);
  EXPECT_NE(exporter.error().message.find("metrics: off"), std::string::npos);
  EXPECT_EQ(exporter.error().message.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace tidegate::metrics
