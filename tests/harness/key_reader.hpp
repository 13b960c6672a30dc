// SPDX-License-Identifier: Apache-2.0
// Stands where the inspector would: takes key log lines at a Unix stream socket.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/unique_fd.hpp"

namespace tidegate::harness {

class KeyReader {
 public:
  struct Options {
    bool read = true;        // false: accepts and lets everything lie
    mode_t mode = 0666;      // of the socket
    std::string group = {};  // that owns it; empty: that of the test
  };
  // Replaces what is at `path`.
  KeyReader(std::filesystem::path path, const Options& options);
  explicit KeyReader(std::filesystem::path path) : KeyReader(std::move(path), Options{}) {}
  // Closes everything and removes the socket.
  ~KeyReader();
  KeyReader(const KeyReader&) = delete;
  KeyReader& operator=(const KeyReader&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Whole lines so far, in the order of arrival.
  std::vector<std::string> lines() const;
  std::string text() const;
  // The processes that ever connected, one entry a connection.
  std::vector<pid_t> senders() const;
  // Begins to read what was let lie.
  void start_reading();
  // Waits until there are so many lines; false: there are fewer.
  bool wait_for(std::size_t lines, std::chrono::milliseconds timeout = std::chrono::seconds(10)) const;

 private:
  void serve(const std::stop_token& stop);
  void accept_one();
  void receive(int fd);

  std::filesystem::path path_;
  std::atomic<bool> reading_;
  UniqueFd listener_;
  std::map<int, UniqueFd> connections_;
  std::map<int, std::string> rests_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::vector<pid_t> senders_;
  std::jthread thread_;
};

// Parts of a key log line.
std::string label_of(const std::string& line);
std::string random_of(const std::string& line);

}  // namespace tidegate::harness
