// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate::cli {

// One packet as it would have arrived. `frame` is empty for one that cannot be replayed (see to_frame).
struct Captured {
  std::vector<std::byte> frame;
  std::chrono::nanoseconds when{};  // the capture's clock
  std::uint64_t offset = 0;         // read so far of the file
};

// A pcap or pcapng file, read by a child process without privileges: libpcap never parses a stranger's bytes as root.
// The program must have a single thread when one is opened.
class Capture {
 public:
  static Result<std::unique_ptr<Capture>> open(const std::string& file);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  std::uint64_t size() const { return size_; }  // of the file, 0: unknown
  // None: the end.
  Result<std::optional<Captured>> next();

 private:
  Capture(pid_t child, UniqueFd pipe, std::uint64_t size, std::string name)
      : child_(child), pipe_(std::move(pipe)), size_(size), name_(std::move(name)) {}

  Status read_exactly(void* to, std::size_t size);

  pid_t child_;
  UniqueFd pipe_;
  std::uint64_t size_;
  std::string name_;
  std::vector<std::byte> buffer_;
  std::size_t used_ = 0;
};

}  // namespace tidegate::cli
