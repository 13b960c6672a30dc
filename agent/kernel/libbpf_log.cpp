// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/libbpf_log.hpp"

#include <bpf/libbpf.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <sstream>
#include <string_view>
#include <utility>

namespace tidegate::kernel {
namespace {

constexpr std::string_view kLogBegin = "-- BEGIN PROG LOAD LOG --";
constexpr std::string_view kLogEnd = "-- END PROG LOAD LOG --";
constexpr std::size_t kMost = 1U << 20;  // bounds what a verifier log costs

thread_local std::string* collecting = nullptr;

int collect(enum libbpf_print_level level, const char* format, std::va_list arguments) {
  if (collecting == nullptr || level != LIBBPF_WARN || collecting->size() > kMost) return 0;
  std::va_list measured;
  va_copy(measured, arguments);
  const int size = std::vsnprintf(nullptr, 0, format, measured);
  va_end(measured);
  if (size <= 0) return 0;
  std::string line(static_cast<std::size_t>(size) + 1, '\0');
  std::vsnprintf(line.data(), line.size(), format, arguments);
  line.pop_back();
  *collecting += line;
  return size;
}

std::string without_prefix(std::string line) {
  constexpr std::string_view kPrefix = "libbpf: ";
  return line.starts_with(kPrefix) ? line.substr(kPrefix.size()) : line;
}

bool says_something(std::string_view line) {
  return !line.empty() && !line.starts_with("processed ") && !line.starts_with("verification time ") &&
         !line.starts_with("stack depth ") && line.find(kLogEnd) == std::string_view::npos;
}

}  // namespace

LibbpfLog::LibbpfLog() {
  static std::once_flag once;
  std::call_once(once, [] { libbpf_set_print(collect); });
  outer_ = std::exchange(collecting, &text_);
}

LibbpfLog::~LibbpfLog() { collecting = outer_; }

std::string LibbpfLog::reason() const { return reason_in_log(text_); }

std::string reason_in_log(const std::string& log) {
  const auto begin = log.find(kLogBegin);
  std::istringstream lines(begin == std::string::npos ? log : log.substr(begin + kLogBegin.size()));
  std::string found;
  for (std::string line; std::getline(lines, line);) {
    if (begin != std::string::npos && line.find(kLogEnd) != std::string::npos) break;
    if (!says_something(line)) continue;
    found = line;
    if (begin == std::string::npos) break;
  }
  return without_prefix(found);
}

}  // namespace tidegate::kernel
