// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "agent/policy/report.hpp"

namespace tidegate::openapi {

// What of a document is not judged, each thing once, with its first place and how often it occurs. Not thread-safe.
class Notes {
 public:
  static constexpr std::size_t kMost = 50;  // different ones; further ones are counted together

  // "format 'email'"
  void add(const std::string& what, policy::Location location);
  // As warnings.
  void put_into(policy::Report& report) const;

 private:
  struct Note {
    policy::Location first;
    std::size_t count = 0;
  };
  std::map<std::string, Note> notes_;
};

}  // namespace tidegate::openapi
