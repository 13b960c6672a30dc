// SPDX-License-Identifier: Apache-2.0
// The real tidegated and tidegate in a namespace of a test: own socket, state, policy and pins.
#pragma once

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/harness/process.hpp"

namespace tidegate::harness {

// A bpffs of its own in a directory; unmounting it removes the pins in it, and with them the links.
class BpfFs {
 public:
  explicit BpfFs(const std::filesystem::path& at);
  ~BpfFs();
  BpfFs(const BpfFs&) = delete;
  BpfFs& operator=(const BpfFs&) = delete;

 private:
  std::filesystem::path at_;
};

// Where the agent listens for, and waits on, sd_notify messages.
class NotifySocket {
 public:
  explicit NotifySocket(const std::filesystem::path& path);
  const std::filesystem::path& path() const { return path_; }
  // True when a message with this line came within `timeout`; gives up early when `process` ends.
  bool wait_for(const std::string& line, Process& process, std::chrono::milliseconds timeout);

 private:
  std::filesystem::path path_;
  UniqueFd socket_;
};

struct AgentOptions {
  std::string netns;
  std::string policy;
  std::uint64_t buckets = 65536;
  std::uint64_t blocks = 1'048'576;
  std::optional<std::filesystem::path> state_dir;  // none: below the temporary directory
  std::optional<std::filesystem::path> pin_dir;    // none: in a bpffs of its own
  std::optional<std::filesystem::path> socket;
  std::string metrics = "127.0.0.1:9464";  // in its own namespace
  std::string settings;                    // more lines of tidegate.yaml, such as keys and inspect
  std::vector<std::string> wrapper;        // put before the command: {"setpriv", …}
};

// Starts, stops, kills and restarts one agent; state and pins live as long as this object.
class Agent {
 public:
  explicit Agent(AgentOptions options);
  ~Agent();

  // Starts it and waits until it is ready; its output when it is not.
  // Returns an empty text when it is ready, otherwise what it said before it ended.
  std::string start(std::chrono::milliseconds timeout = std::chrono::seconds(60));
  // Starts it where it must fail: waits for its end.
  Finished start_expecting_failure(std::chrono::milliseconds timeout = std::chrono::seconds(60));
  Finished stop();
  void kill();
  bool running() { return process_.running(); }
  pid_t pid() const { return process_.pid(); }
  // The most memory it held since it started, in bytes, without the tables that it maps.
  std::uint64_t peak_memory() const;
  // Everything it wrote so far, over restarts.
  std::string log() const;

  // The CLI against this agent, in the same namespace.
  Finished cli(const std::vector<std::string>& arguments, const std::string& input = "",
               std::chrono::milliseconds timeout = std::chrono::seconds(120)) const;
  // With -o json, parsed; a null value and a test failure when it did not succeed.
  nlohmann::json json(const std::vector<std::string>& arguments) const;
  Process start_cli(const std::vector<std::string>& arguments) const;

  std::filesystem::path directory() const { return directory_.path(); }
  std::filesystem::path state_dir() const { return state_dir_; }
  std::filesystem::path pin_dir() const { return pin_dir_; }
  std::filesystem::path socket() const { return socket_; }
  std::filesystem::path config() const { return directory_.path() / "tidegate.yaml"; }
  // Writes a file beside the configuration and returns its path.
  std::filesystem::path file(const std::string& name, const std::string& text) const;

 private:
  void write_config() const;
  void copy_programs();
  std::vector<std::string> command() const;

  AgentOptions options_;
  std::filesystem::path program_;
  TempDir directory_;
  std::optional<BpfFs> bpffs_;
  std::filesystem::path state_dir_, pin_dir_, socket_;
  Process process_;
};

// Where the build put a program of this project.
std::filesystem::path program(const std::string& name);

}  // namespace tidegate::harness
