// SPDX-License-Identifier: Apache-2.0
#include "agent/main/process.hpp"

#include <malloc.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>

namespace tidegate {
namespace {

constexpr int kArenas = 2;
constexpr int kTrimThreshold = 1 << 20;

bool is_mapping(const std::string& line) { return line.find('-') != line.npos && line.find(':') > line.find(' '); }

std::uint64_t kibibytes_after(const std::string& line, const char* key) {
  std::istringstream words(line.substr(std::string(key).size()));
  std::uint64_t value = 0;
  words >> value;
  return value;
}

}  // namespace

void keep_memory_small() {
  ::mallopt(M_ARENA_MAX, kArenas);
  ::mallopt(M_TRIM_THRESHOLD, kTrimThreshold);
  ::mallopt(M_MMAP_THRESHOLD, kTrimThreshold);
}

void leave_no_core() {
  const rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);  // lowering is always allowed
}

void give_memory_back() { ::malloc_trim(0); }

std::uint64_t resident_bytes() {
  std::ifstream maps("/proc/self/smaps");
  std::uint64_t kibibytes = 0;
  bool table = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.starts_with("Rss:")) {
      if (!table) kibibytes += kibibytes_after(line, "Rss:");
    } else if (is_mapping(line)) {
      table = line.find("bpf-map") != line.npos;
    }
  }
  return kibibytes * 1024;
}

Result<Signals> Signals::open() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&wanted, signal);
  std::signal(SIGPIPE, SIG_IGN);
  if (::pthread_sigmask(SIG_BLOCK, &wanted, nullptr) != 0) return fail_errno(errno, "cannot block signals");
  UniqueFd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail_errno(errno, "cannot make a signalfd");
  return Signals(std::move(fd));
}

int Signals::next(std::chrono::nanoseconds wait) const {
  pollfd source{fd_.get(), POLLIN, 0};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  if (::poll(&source, 1, static_cast<int>(milliseconds)) <= 0) return 0;
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof(info)) != sizeof(info)) return 0;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace tidegate
