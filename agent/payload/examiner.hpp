// SPDX-License-Identifier: Apache-2.0
// What the payload of a request attempts, by libmodsecurity with the OWASP Core Rule Set.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include "agent/inspect/wire/payload_codec.hpp"
#include "agent/payload/engine.hpp"

namespace tidegate::payload {

// What the examination of one request may take, in processor time.
inline constexpr std::chrono::milliseconds kPatternTime{50};
inline constexpr unsigned kMostArguments = 256;  // of query, form or JSON; those behind are not looked at
inline constexpr unsigned kDeepestJson = 64;

struct Verdict {
  std::uint8_t attacks = 0;  // bits of inspect::AttackFact
  bool slow = false;         // it was given up before all rules had their say
  bool failed = false;       // it broke off; what was found until then counts
};

// Looks at target, fields and body of requests under paranoia level 1. Nothing of a request is kept after it, logged,
// or written. Used by one thread.
class Examiner {
 public:
  // Reads the rules of that directory, which is that of Debian's package modsecurity-crs, and the exclusions that its
  // operator wrote. kNotFound: there are none; kInvalidArgument: they cannot be read.
  static Result<Examiner> load(const std::filesystem::path& rules);
  Verdict examine(const inspect::wire::PayloadMessage& request);

 private:
  explicit Examiner(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}

  std::unique_ptr<Engine> engine_;
  std::string target_;  // its memory is used again
};

}  // namespace tidegate::payload
