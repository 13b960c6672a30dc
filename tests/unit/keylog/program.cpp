// SPDX-License-Identifier: Apache-2.0
// A server in miniature that does what it is told on its command line, one word after another; what real servers do to
// the process they live in is among it.
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#ifdef HANDSHAKES_MODULE
#include <dlfcn.h>
#endif

#include "tests/unit/keylog/handshakes.hpp"

namespace {

struct Handshakes {
  void (*prepare)(int) = nullptr;
  int (*run)(int) = nullptr;
  int (*run_in_memory)(int) = nullptr;
};

#ifdef HANDSHAKES_MODULE
Handshakes load() {
  void* module = ::dlopen(HANDSHAKES_MODULE, RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) std::abort();
  const auto function = [&](const char* name) { return ::dlsym(module, name); };
  return {reinterpret_cast<void (*)(int)>(function("handshakes_prepare")),
          reinterpret_cast<int (*)(int)>(function("handshakes_run")),
          reinterpret_cast<int (*)(int)>(function("handshakes_run_in_memory"))};
}
#else
Handshakes load() { return {handshakes_prepare, handshakes_run, handshakes_run_in_memory}; }
#endif

void expect(bool good, const std::string& what) {
  if (good) return;
  std::printf("failed %s\n", what.c_str());
  std::fflush(stdout);
  std::_Exit(1);
}

// Closes everything but the standard streams, and gives the numbers to sockets whose other ends tell what comes.
std::vector<int> decoys;
void take_descriptors() {
  for (int fd = 3; fd < 1024; ++fd) ::close(fd);
  int pair[2];
  expect(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
  ::fcntl(pair[0], F_DUPFD, 900);
  decoys.push_back(::fcntl(pair[0], F_DUPFD, 900));
  for (int fd = 3; fd < 300; ++fd) {
    if (fd != pair[0] && fd != pair[1]) ::dup2(pair[1], fd);
  }
}
void show_descriptors() {
  char byte;
  const ssize_t size = ::recv(decoys.at(0), &byte, 1, MSG_DONTWAIT);
  std::printf("decoy %zd\n", size);
}

void in_child(const std::function<void()>& work) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    std::fflush(stdout);
    std::_Exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  expect(status == 0, "child");
}

void in_threads(const std::function<void()>& work) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work);
}

extern "C" int __sprintf_chk(char* out, int flag, std::size_t room, const char* format, ...);

// What the library puts before sprintf must not be told from it.
void format() {
  for (unsigned value = 0; value < 1024; ++value) {
    char ours[64], theirs[64];
    for (const char* text : {"%02x", "%02x ", "%2x", "%x", "%02X", "a%02x", "%u", "plain"}) {
      const int size = std::snprintf(theirs, sizeof theirs, text, value);
      expect(std::sprintf(ours, text, value) == size && std::string(ours) == theirs, text);
      expect(__sprintf_chk(ours, 1, sizeof ours, text, value) == size && std::string(ours) == theirs, text);
    }
  }
  char exact[3];
  expect(__sprintf_chk(exact, 1, sizeof exact, "%02x", 0xabU) == 2 && std::string(exact) == "ab", "exact room");
}

// The event loop of a server: `ready` tells whether there is anything for its next turn.
class Loop {
 public:
  void turn(bool ready) {
    std::uint64_t one = 1;
    if (ready) expect(::write(event_, &one, sizeof one) == sizeof one, "write");
    epoll_event found{};
    expect(::epoll_wait(epoll_, &found, 1, 0) == (ready ? 1 : 0), "epoll_wait");
    expect(!ready || (found.data.u64 == 7 && ::read(event_, &one, sizeof one) == sizeof one), "event");
  }

  // With lines waiting or not, both calls are what they are without the library.
  void probe() {
    for (const int timeout : {0, 1}) {
      turn(true);
      epoll_event found{};
      errno = 0;
      expect(::epoll_wait(epoll_, &found, 1, timeout) == 0 && errno == 0, "nothing is ready");
      expect(::epoll_pwait(epoll_, &found, 1, timeout, nullptr) == 0 && errno == 0, "nothing is ready");
      expect(::epoll_wait(-1, &found, 1, timeout) == -1 && errno == EBADF, "no descriptor");
      expect(::epoll_pwait(epoll_, &found, 0, timeout, nullptr) == -1 && errno == EINVAL, "no room");
    }
  }

 private:
  static int watch(int epoll, int event) {
    epoll_event entry{.events = EPOLLIN, .data = {.u64 = 7}};
    expect(::epoll_ctl(epoll, EPOLL_CTL_ADD, event, &entry) == 0, "epoll_ctl");
    return event;
  }

  int epoll_ = ::epoll_create1(0);
  int event_ = watch(epoll_, ::eventfd(0, 0));
};

// Waits for a file that the test makes.
void wait_for(const char* path) {
  struct stat found {};
  for (int i = 0; i < 2000 && ::stat(path, &found) != 0; ++i) ::usleep(5000);
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_DFL);  // whatever raises it ends this process
  const Handshakes handshakes = load();
  const auto run = [&](int version) { expect(handshakes.run(version) == 0, "handshake"); };
  Loop loop;
  const std::map<std::string, std::function<void()>> words = {
      {"prepare", [&] { handshakes.prepare(0); }},
      {"prepare-own", [&] { handshakes.prepare(1); }},
      {"12", [&] { run(12); }},
      {"13", [&] { run(13); }},
      {"memory", [&] { expect(handshakes.run_in_memory(13) == 0, "handshake in memory"); }},
      {"flood",
       [&] {
         for (int i = 0; i < 800; ++i) expect(handshakes.run_in_memory(12) == 0, "handshake");
       }},
      {"turn", [&] { loop.turn(true); }},
      {"idle", [&] { loop.turn(false); }},
      {"probe", [&] { loop.probe(); }},
      {"fork", [&] { in_child([&] { run(13); }); }},
      {"threads",
       [&] {
         in_threads([&] {
           for (int i = 0; i < 10; ++i) run(13);
         });
       }},
      {"close", take_descriptors},
      {"decoys", show_descriptors},
      {"format", format},
      {"nobody",
       [] { expect(::setresgid(65534, 65534, 65534) == 0 && ::setresuid(65534, 65534, 65534) == 0, "setuid"); }},
  };
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "wait") {
      wait_for(argv[++i]);
    } else if (word == "made") {
      ::close(::open(argv[++i], O_CREAT | O_WRONLY, 0644));
    } else if (word == "chroot") {
      expect(::chroot(argv[++i]) == 0 && ::chdir("/") == 0, "chroot");
    } else if (word == "exec") {
      ::execv(argv[0], (argv[i] = argv[0], argv + i));
    } else {
      words.at(word)();
    }
  }
  std::printf("done\n");
  return 0;
}
