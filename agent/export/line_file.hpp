// SPDX-License-Identifier: Apache-2.0
// A file that lines are appended to, and that others rename, remove or cut (logrotate) meanwhile.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate::exports {

// Not thread-safe. Opened when first written to, and again when its name stands for another file.
class LineFile {
 public:
  explicit LineFile(std::filesystem::path path) : path_(std::move(path)) {}

  // Appends a line, all of it or, as far as the file system lets that be undone, nothing; what could not be undone is
  // ended before the next line. One write(2) of O_APPEND, so that lines of several writers do not mix.
  // Errors (disk full, no such directory, not a regular file) are one line with the path.
  Status append(std::string_view line);
  const std::filesystem::path& path() const { return path_; }

 private:
  Status open_again();
  bool is_current() const;
  Status undo(std::size_t written, int error);

  std::filesystem::path path_;
  UniqueFd fd_;
  bool torn_ = false;  // the file ends within a line
  std::string buffer_;
};

}  // namespace tidegate::exports
