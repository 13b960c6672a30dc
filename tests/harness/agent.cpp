// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/agent.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cctype>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace tidegate::harness {

namespace fs = std::filesystem;

BpfFs::BpfFs(const fs::path& at) : at_(at) {
  fs::create_directories(at_);
  if (::mount("bpf", at_.c_str(), "bpf", 0, nullptr) != 0) {
    throw std::system_error(errno, std::generic_category(), "mount bpffs at " + at_.string());
  }
}

BpfFs::~BpfFs() { ::umount2(at_.c_str(), MNT_DETACH); }

NotifySocket::NotifySocket(const fs::path& path)
    : path_(path), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.string().copy(address.sun_path, sizeof address.sun_path - 1);
  fs::remove(path_);
  if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::system_error(errno, std::generic_category(), "bind " + path_.string());
  }
  fs::permissions(path_, fs::perms::all);  // an agent of any user reports here
}

bool NotifySocket::wait_for(const std::string& line, Process& process, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd readable{socket_.get(), POLLIN, 0};
    // The short step only notices the end of the process; readiness itself is an event.
    if (::poll(&readable, 1, 100) <= 0) {
      if (!process.running()) return false;
      continue;
    }
    char text[4096];
    const ssize_t size = ::recv(socket_.get(), text, sizeof text, 0);
    if (size > 0 && ("\n" + std::string(text, static_cast<std::size_t>(size)) + "\n").find("\n" + line + "\n") !=
                        std::string::npos) {
      return true;
    }
  }
  return false;
}

Agent::Agent(AgentOptions options) : options_(std::move(options)) {
  state_dir_ = options_.state_dir.value_or(directory_.path() / "state");
  socket_ = options_.socket.value_or(directory_.path() / "tidegate.sock");
  if (options_.pin_dir) {
    pin_dir_ = *options_.pin_dir;
  } else {
    bpffs_.emplace(directory_.path() / "bpf");
    pin_dir_ = directory_.path() / "bpf" / "tidegate";
  }
  fs::create_directories(state_dir_);
  file("policy.yaml", options_.policy);
  write_config();
  program_ = program("tidegated");
  if (!options_.wrapper.empty()) copy_programs();
}

// Another user may not get to where they were built.
void Agent::copy_programs() {
  for (const char* name : {"tidegated", "tidegate-inspector"}) fs::copy(program(name), directory_.path() / name);
  program_ = directory_.path() / "tidegated";
}

Agent::~Agent() {
  if (testing::Test::HasFailure()) std::fprintf(stderr, "--- log of tidegated ---\n%s---\n", log().c_str());
  kill();
}

fs::path Agent::file(const std::string& name, const std::string& text) const {
  write_file(directory_.path() / name, text);
  return directory_.path() / name;
}

void Agent::write_config() const {
  file("tidegate.yaml", "policy: " + (directory_.path() / "policy.yaml").string() + "\nsocket: " + socket_.string() +
                            "\nstate_dir: " + state_dir_.string() + "\npin_dir: " + pin_dir_.string() +
                            "\nmetrics: " + options_.metrics +
                            "\nlog: {level: debug, to: stderr}\ntables: {buckets: " + std::to_string(options_.buckets) +
                            ", blocks: " + std::to_string(options_.blocks) + "}\n" + options_.settings);
}

std::vector<std::string> Agent::command() const {
  std::vector<std::string> words = options_.wrapper;
  words.insert(words.end(), {program_.string(), "--config", config().string()});
  return words;
}

std::string Agent::start(std::chrono::milliseconds timeout) {
  NotifySocket notify(directory_.path() / "notify");
  process_ = Process::start(command(), {.netns = options_.netns,
                                        .environment = {{"NOTIFY_SOCKET", notify.path().string()}},
                                        .output = directory_.path() / "log"});
  if (notify.wait_for("READY=1", process_, timeout)) return "";
  return "tidegated is not ready: " + log();
}

Finished Agent::start_expecting_failure(std::chrono::milliseconds timeout) {
  return run(command(), {.netns = options_.netns}, timeout);
}

Finished Agent::stop() { return process_.stop(); }

void Agent::kill() {
  process_.signal(SIGKILL);
  process_.wait(std::chrono::seconds(10));
}

// Tables are mapped whole, once and for good: what they take now they took at the peak.
std::uint64_t Agent::peak_memory() const {
  const fs::path proc = fs::path("/proc") / std::to_string(pid());
  std::uint64_t peak = 0, tables = 0;
  std::istringstream status(read_file(proc / "status")), maps(read_file(proc / "smaps"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) peak = std::stoull(line.substr(6));
  }
  bool table = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.starts_with("Rss:")) {
      tables += table ? std::stoull(line.substr(4)) : 0;
    } else if (std::isxdigit(static_cast<unsigned char>(line[0])) && line.find('-') < line.find(' ')) {
      table = line.find("bpf-map") != line.npos;
    }
  }
  return (peak - tables) * 1024;
}

std::string Agent::log() const { return read_file(directory_.path() / "log"); }

Finished Agent::cli(const std::vector<std::string>& arguments, const std::string& input,
                    std::chrono::milliseconds timeout) const {
  std::vector<std::string> words = {program("tidegate").string(), "--socket", socket_.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return run(words, {.netns = options_.netns, .input = input}, timeout);
}

nlohmann::json Agent::json(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words = {"-o", "json"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const Finished finished = cli(words);
  EXPECT_EQ(finished.exit_code, 0) << "tidegate " << testing::PrintToString(arguments) << ": " << finished.err;
  nlohmann::json parsed = nlohmann::json::parse(finished.out, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << finished.out;
  return parsed.is_discarded() ? nlohmann::json() : parsed;
}

Process Agent::start_cli(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words = {program("tidegate").string(), "--socket", socket_.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return Process::start(words, {.netns = options_.netns});
}

fs::path program(const std::string& name) {
  const std::string directory = TIDEGATE_BUILD_DIR;
  for (const char* part : {"agent/main", "agent/inspect/process", "cli", "tests/harness"}) {
    const fs::path path = fs::path(directory) / part / name;
    if (fs::exists(path)) return path;
  }
  throw std::runtime_error(name + " is not built");
}

}  // namespace tidegate::harness
