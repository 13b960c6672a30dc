// SPDX-License-Identifier: Apache-2.0
#include "agent/config/check.hpp"

#include "agent/policy/compile.hpp"

namespace tidegate::config {

ParsedPolicy check_policy(std::string text, const CheckOptions& options) {
  ParsedPolicy parsed = read_policy(std::move(text));
  if (!parsed.valid()) return parsed;
  const policy::CompileInput input{.policy = parsed.policy,
                                   .extra_safelist = options.extra_safelist,
                                   .slots = {},
                                   .bucket_ways = options.bucket_ways,
                                   .tick = options.tick,
                                   .ifindex_of = {}};
  auto report = policy::compile_all(input);
  parsed.issues.insert(parsed.issues.end(), std::make_move_iterator(report.issues.begin()),
                       std::make_move_iterator(report.issues.end()));
  return parsed;
}

}  // namespace tidegate::config
