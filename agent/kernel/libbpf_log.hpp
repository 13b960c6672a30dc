// SPDX-License-Identifier: Apache-2.0
// What libbpf and the verifier say, kept from stderr and turned into one line of an error.
#pragma once

#include <string>

namespace tidegate::kernel {

// Collects libbpf's warnings of this thread while it lives; without one they are discarded. The innermost collects.
class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  // The verifier's last sentence if there is one, else libbpf's first warning, else empty.
  std::string reason() const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::string* outer_;
};

// reason() of a log as text; apart, so that it can be tested.
std::string reason_in_log(const std::string& log);

}  // namespace tidegate::kernel
