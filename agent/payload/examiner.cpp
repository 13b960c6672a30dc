// SPDX-License-Identifier: Apache-2.0
#include "agent/payload/examiner.hpp"

#include "agent/payload/pattern_limits.hpp"
#include "agent/payload/rule_files.hpp"

namespace tidegate::payload {
namespace {

// The set adds what a rule is worth to the score of its kind. A rule of severity critical is worth this, and by itself
// enough for the set to refuse a request.
constexpr int kCritical = 5;

std::uint8_t attacks_of(const Scores& scores) {
  const auto bit = [](int score, inspect::AttackFact attack) {
    return score >= kCritical ? static_cast<unsigned>(attack) : 0U;
  };
  return static_cast<std::uint8_t>(bit(scores.sql, inspect::kAttackSql) | bit(scores.xss, inspect::kAttackXss) |
                                   bit(scores.files, inspect::kAttackTraversal) |
                                   bit(scores.commands, inspect::kAttackCommand));
}

const char* version_of(inspect::HttpVersion version) {
  if (version == inspect::HttpVersion::k2) return "2.0";
  return version == inspect::HttpVersion::k10 ? "1.0" : "1.1";
}

}  // namespace

Result<Examiner> Examiner::load(const std::filesystem::path& rules) {
  TIDEGATE_ASSIGN(const std::string text, configuration(rules));
  std::string problem;
  auto engine = Engine::load(text, problem);
  if (engine) return Examiner(std::move(engine));
  return fail(ErrorCode::kInvalidArgument, "the Core Rule Set in " + rules.string() + " cannot be used: " + problem);
}

Verdict Examiner::examine(const inspect::wire::PayloadMessage& request) {
  const PatternTime time(kPatternTime);
  target_.assign(request.target);
  const Scores scores = engine_->examine({.method = request.summary.method.c_str(),
                                          .target = target_.c_str(),
                                          .version = version_of(request.summary.http),
                                          .fields = request.fields,
                                          .body = request.body});
  return {.attacks = attacks_of(scores), .slow = time.exceeded(), .failed = scores.failed};
}

}  // namespace tidegate::payload
