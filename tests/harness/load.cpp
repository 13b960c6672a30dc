// SPDX-License-Identifier: Apache-2.0
// tidegate-load: HTTP requests, one connection each, from addresses of a prefix, open loop or as fast as it goes.
// It measures what a client sees: how many requests were answered in time, and how long that took.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <iostream>
#include <optional>
#include <random>

#include "agent/base/address.hpp"
#include "agent/base/unique_fd.hpp"

namespace {

using namespace tidegate;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Settings {
  std::string from = "192.0.2.2", to = "192.0.2.1", path = "/";
  std::uint16_t port = 80;
  double rate = 0, seconds = 10, report = 0, summary_after = -1;
  unsigned concurrency = 64, timeout_ms = 1000;
  std::uint64_t seed = 1;
  bool gzip = false;
};

struct Request {
  UniqueFd fd;
  Clock::time_point begin;
  bool sent = false;
};

struct Tally {
  std::uint64_t ended = 0;        // requests that were answered, failed or timed out
  std::vector<double> latencies;  // ms, of those answered
};

double percentile(std::vector<double>& values, double which) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::size_t>(which * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

// `kind` is "at" for the interval that ended then, "after" for everything since then.
void print(const Tally& tally, const char* kind, double time) {
  std::vector<double> latencies = tally.latencies;
  const double p50 = percentile(latencies, 0.5), p99 = percentile(latencies, 0.99);
  std::printf("{\"%s\": %.1f, \"requests\": %llu, \"answered\": %zu, \"p50_ms\": %.1f, \"p99_ms\": %.1f}\n", kind, time,
              static_cast<unsigned long long>(tally.ended), tally.latencies.size(), p50, p99);
  std::fflush(stdout);
}

socklen_t to_sockaddr(const Address& address, std::uint16_t port, sockaddr_storage& out) {
  out = {};
  if (address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(static_cast<std::uint32_t>(address.lo));
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  for (int i = 0; i < 16; ++i) {
    v6.sin6_addr.s6_addr[i] = static_cast<std::uint8_t>((i < 8 ? address.hi : address.lo) >> ((7 - i % 8) * 8));
  }
  return sizeof v6;
}

class Load {
 public:
  Load(const Settings& settings, const Prefix& from, const Address& to)
      : settings_(settings), from_(from), to_(to), random_(settings.seed), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    request_ = "GET " + settings.path + " HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n" +
               (settings.gzip ? "Accept-Encoding: gzip\r\n\r\n" : "\r\n");
  }

  void run() {
    const auto begin = begin_ = Clock::now();
    const auto end =
        begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(settings_.seconds));
    auto next_report = begin + report_interval();
    for (auto now = begin; now < end; now = Clock::now()) {
      open_due(now - begin);
      expire(now);
      poll();
      if (settings_.report > 0 && now >= next_report) {
        print(std::exchange(interval_, {}), "at", std::chrono::duration<double>(now - begin).count());
        next_report += report_interval();
      }
    }
    finish();
    if (interval_.ended > 0) print(interval_, "at", settings_.seconds);
    if (settings_.summary_after >= 0) print(summary_, "after", settings_.summary_after);
  }

 private:
  Clock::duration report_interval() const {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(settings_.report));
  }

  void open_due(Clock::duration elapsed) {
    if (settings_.rate <= 0) {
      for (unsigned burst = 0; active_ < settings_.concurrency && burst < 64; ++burst) open();
      return;
    }
    const auto due = static_cast<std::uint64_t>(std::chrono::duration<double>(elapsed).count() * settings_.rate) + 1;
    while (opened_ < due && active_ < settings_.concurrency) open();
  }

  void open() {
    const Address mask = Prefix::around({~0ULL, ~0ULL}, from_.length).address;
    Address source = from_.address;
    source.hi |= random_() & ~mask.hi;
    source.lo |= random_() & ~mask.lo;
    UniqueFd fd(::socket(source.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ++opened_;
    if (!fd) return ended();
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_storage address;
    socklen_t size = to_sockaddr(source, 0, address);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return ended();
    size = to_sockaddr(to_, settings_.port, address);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 && errno != EINPROGRESS) return ended();
    const int number = fd.get();
    if (requests_.size() <= static_cast<std::size_t>(number)) requests_.resize(static_cast<std::size_t>(number) + 1);
    epoll_event event{EPOLLOUT, {.fd = number}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, number, &event);
    const auto now = Clock::now();
    requests_[static_cast<std::size_t>(number)] = {std::move(fd), now, false};
    deadlines_.push_back({now + std::chrono::milliseconds(settings_.timeout_ms), number, now});
    ++active_;
  }

  void close(int number, bool answered = false) {
    Request& request = requests_[static_cast<std::size_t>(number)];
    request.fd.reset();
    --active_;
    if (!answered) return ended();
    ended(Milliseconds(Clock::now() - request.begin).count());
  }

  void ended(std::optional<double> latency = {}) {
    const bool late = std::chrono::duration<double>(Clock::now() - begin_).count() >= settings_.summary_after;
    for (Tally* tally : {&interval_, late ? &summary_ : nullptr}) {
      if (tally == nullptr) continue;
      ++tally->ended;
      if (latency) tally->latencies.push_back(*latency);
    }
  }

  void expire(Clock::time_point now) {
    for (; !deadlines_.empty() && deadlines_.front().when <= now; deadlines_.pop_front()) {
      const auto& [when, number, begin] = deadlines_.front();
      Request& request = requests_[static_cast<std::size_t>(number)];
      if (request.fd && request.begin == begin) close(number);
    }
  }

  void poll() {
    epoll_event events[128];
    const int ready = ::epoll_wait(epoll_.get(), events, 128, 1);
    for (int i = 0; i < ready; ++i) advance(events[i].data.fd);
  }

  void advance(int number) {
    Request& request = requests_[static_cast<std::size_t>(number)];
    if (!request.fd) return;
    if (!request.sent) {
      if (::send(number, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size())) {
        return close(number);
      }
      request.sent = true;
      epoll_event event{EPOLLIN, {.fd = number}};
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, number, &event);
      return;
    }
    char text[4096];
    const ssize_t size = ::recv(number, text, sizeof text, 0);
    if (size < 0 && errno == EAGAIN) return;
    close(number, size > 12 && std::memcmp(text, "HTTP/1.1 200", 12) == 0);
  }

  // Lets what is under way end in its own time.
  void finish() {
    while (active_ > 0 && !deadlines_.empty()) {
      poll();
      expire(Clock::now());
    }
  }

  struct Deadline {
    Clock::time_point when;
    int number;
    Clock::time_point begin;
  };

  Settings settings_;
  Prefix from_;
  Address to_;
  std::mt19937_64 random_;
  UniqueFd epoll_;
  std::string request_;
  std::vector<Request> requests_;
  std::deque<Deadline> deadlines_;
  std::uint64_t opened_ = 0;
  unsigned active_ = 0;
  Clock::time_point begin_;
  Tally interval_, summary_;
};

void raise_file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app(
      "HTTP requests, one connection each; prints what the client saw. Example: tidegate-load --from "
      "198.51.100.0/25 --to 192.0.2.1 --rate 50 --seconds 10 --report 1");
  app.add_option("--from", settings.from, "prefix that source addresses are drawn from; they must be local here");
  app.add_option("--to", settings.to);
  app.add_option("--port", settings.port);
  app.add_option("--path", settings.path);
  app.add_option("--rate", settings.rate, "requests per second; 0: as fast as it goes");
  app.add_option("--concurrency", settings.concurrency, "most requests under way");
  app.add_option("--timeout", settings.timeout_ms, "ms after which a request counts as failed");
  app.add_option("--seconds", settings.seconds)->check(CLI::Range(0.0, 600.0));
  app.add_option("--report", settings.report, "a line each so many seconds instead of one at the end");
  app.add_flag("--gzip", settings.gzip, "ask for a compressed answer");
  app.add_option("--summary-after", settings.summary_after,
                 "one more line at the end: all requests after so many seconds");
  app.add_option("--seed", settings.seed);
  CLI11_PARSE(app, argc, argv);
  const auto from = Prefix::parse(settings.from);
  const auto to = Address::parse(settings.to);
  if (!from || !to) {
    std::cerr << "tidegate-load: " << (from ? to.error().message : from.error().message) << "\n";
    return 1;
  }
  raise_file_limit();
  Load(settings, *from, *to).run();
  return 0;
}
