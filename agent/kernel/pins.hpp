// SPDX-License-Identifier: Apache-2.0
// The pin directory: what keeps enforcement alive without an agent. One agent at a time owns one.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate::kernel {

// Locked for as long as this lives. The lock is one on the directory itself: a bpf file system holds no plain files.
class PinDirectory {
 public:
  // Makes the directory (mode 0700) if need be. kFailedPrecondition: another agent has it.
  static Result<PinDirectory> lock(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  // Names of what is pinned, without subdirectories.
  std::vector<std::string> names() const;
  bool has(std::string_view name) const;
  // The pinned object, or no descriptor.
  UniqueFd get(std::string_view name) const;
  Status pin(int fd, std::string_view name) const;
  void unpin(std::string_view name) const;

  // Somebody removed the directory, and perhaps made a new one: then makes and locks it again. True when it had to.
  Result<bool> recover();

  // A place beside the present pins for those of a migration; emptied.
  Status make_staging() const;
  Status pin_staged(int fd, std::string_view name) const;
  // Moves a pin from there over the present one.
  Status promote(std::string_view name) const;
  void remove_staging() const;

 private:
  PinDirectory(std::filesystem::path path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path staging() const;

  std::filesystem::path path_;
  UniqueFd lock_;
};

// The pin of an interface's link, and back. Dots, which a bpf file system refuses, are escaped: link_eth0%2E100.
std::string link_pin_name(std::string_view interface);
std::optional<std::string> interface_of_link_pin(std::string_view pin);

}  // namespace tidegate::kernel
