// SPDX-License-Identifier: Apache-2.0
// libmodsecurity, behind an interface of its own: its headers are no C++23, so that engine.cpp is compiled as C++20.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "agent/inspect/model/payload.hpp"

namespace tidegate::payload {

struct Request {
  const char* method = "GET";
  const char* target = "/";
  const char* version = "1.1";
  std::span<const inspect::PayloadField> fields;
  std::string_view body;
};

// The set's scores of a request, by kind.
struct Scores {
  int sql = 0;
  int xss = 0;
  int files = 0;     // local and remote
  int commands = 0;  // and code
  bool failed = false;
};

// Used by one thread.
class Engine {
 public:
  // nullptr: the configuration cannot be used, `problem` says why.
  static std::unique_ptr<Engine> load(const std::string& configuration, std::string& problem);
  virtual ~Engine() = default;
  virtual Scores examine(const Request& request) = 0;
};

}  // namespace tidegate::payload
