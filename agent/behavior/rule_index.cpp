// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/rule_index.hpp"

#include <algorithm>
#include <numeric>

namespace tidegate::behavior {
namespace {

// FNV-1a. The lists come from the operator's rules: who chooses paths can make a request look at a list too many, not
// make a list long.
constexpr std::uint64_t kBasis = 0xcbf29ce484222325;

constexpr std::uint64_t absorb(std::uint64_t hash, char c) {
  return (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
}

std::uint64_t plain_hash(std::string_view text) { return std::accumulate(text.begin(), text.end(), kBasis, absorb); }

std::uint64_t list_key(std::uint32_t service, unsigned dimension, std::uint64_t value) {
  std::uint64_t hash = value ^ (static_cast<std::uint64_t>(service) << 8 | dimension) * 0x9e3779b97f4a7c15;
  return hash ^ hash >> 29;
}

const std::vector<Match>* steps_of(const Rule& rule) {
  const auto* after = std::get_if<AfterCondition>(&rule.when.what);
  return after == nullptr ? nullptr : &after->steps;
}

}  // namespace

RuleIndex::RuleIndex(const std::vector<Rule>& rules) {
  for (const Rule& rule : rules) {
    if (rule.service) services_.try_emplace(*rule.service, static_cast<std::uint32_t>(services_.size() + 1));
  }
  dimensions_.resize(services_.size() + 1);
  order(rules);
  for (std::uint32_t i = 0; i < observers_.size(); ++i) list(i, rules);
}

void RuleIndex::order(const std::vector<Rule>& rules) {
  std::vector<std::uint32_t> numbers(rules.size());
  std::iota(numbers.begin(), numbers.end(), 0U);
  std::stable_sort(numbers.begin(), numbers.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return rules[a].priority > rules[b].priority; });
  for (const std::uint32_t number : numbers) {
    const Rule& rule = rules[number];
    if (std::holds_alternative<RepeatCondition>(rule.when.what)) continue;  // decisions make it act, not requests
    observers_.push_back({number, -1, &rule.match});
    if (const auto* without = std::get_if<WithoutCondition>(&rule.when.what))
      observers_.push_back({number, 0, &without->step});
    const auto* steps = steps_of(rule);
    for (std::size_t i = steps == nullptr ? 0 : steps->size(); i > 0; --i) {
      observers_.push_back({number, static_cast<std::int32_t>(i - 1), &(*steps)[i - 1]});
    }
  }
}

std::uint32_t RuleIndex::service_number(const std::string& name) const {
  const auto found = services_.find(name);
  return found == services_.end() ? 0 : found->second;
}

void RuleIndex::add(std::uint32_t service, Dimension dimension, std::uint64_t value, std::uint32_t observer) {
  dimensions_[service] |= 1U << dimension;
  auto& list = lists_[list_key(service, dimension, value)];
  if (list.empty() || list.back() != observer) list.push_back(observer);
}

bool RuleIndex::list_by_path(std::uint32_t service, const Needs& needs, std::uint32_t observer) {
  if (!needs.paths || needs.paths->empty()) return false;
  for (const Literal& literal : *needs.paths) {
    const PathHashes path = hash_path(literal.text);
    if (literal.whole) {
      add(service, kWholePath, path.whole, observer);
    } else {
      add(service, static_cast<Dimension>(kPathPrefix1 + path.depth - 1), path.prefix[path.depth - 1], observer);
    }
  }
  return true;
}

void RuleIndex::list(std::uint32_t observer, const std::vector<Rule>& rules) {
  const Rule& rule = rules[observers_[observer].rule];
  const std::uint32_t service = rule.service ? service_number(*rule.service) : 0;
  const Needs needs = needs_in(rule, *observers_[observer].match);
  for (unsigned kind = 1; kRequestOnly << kind <= needs.kinds; ++kind) {
    if ((needs.kinds >> kind & 1) != 0) add(service, kEvent, kind, observer);
  }
  if ((needs.kinds & kRequestOnly) != 0) list_by_request(service, needs, observer);
}

void RuleIndex::list_by_request(std::uint32_t service, const Needs& needs, std::uint32_t observer) {
  if (list_by_path(service, needs, observer)) return;
  if (needs.templates) {
    for (const auto& text : *needs.templates) add(service, kTemplate, plain_hash(text), observer);
  } else if (needs.statuses && needs.statuses->count() <= kMostStatuses) {
    for (std::size_t status = 0; status < kStatuses; ++status) {
      if ((*needs.statuses)[status]) add(service, kStatus, status, observer);
    }
  } else if (needs.methods) {
    for (const auto& method : *needs.methods) add(service, kMethod, plain_hash(method), observer);
  } else if (needs.statuses) {
    for (std::size_t status = 0; status < kStatuses; ++status) {
      if ((*needs.statuses)[status]) add(service, kStatus, status, observer);
    }
  } else {
    add(service, kAlways, 0, observer);
  }
}

RuleIndex::PathHashes RuleIndex::hash_path(std::string_view path) {
  PathHashes hashes;
  std::uint64_t hash = kBasis;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '/' && i != 0 && hashes.depth < kDeepestPrefix) hashes.prefix[hashes.depth++] = hash;
    hash = absorb(hash, path[i]);
  }
  if (hashes.depth < kDeepestPrefix) hashes.prefix[hashes.depth++] = hash;
  hashes.whole = hash;
  return hashes;
}

void RuleIndex::take(std::uint32_t service, Dimension dimension, std::uint64_t value) {
  const auto found = lists_.find(list_key(service, dimension, value));
  if (found != lists_.end()) found_.insert(found_.end(), found->second.begin(), found->second.end());
}

void RuleIndex::collect(std::uint32_t service, const inspect::Summary& summary, const PathHashes& path) {
  const std::uint32_t used = dimensions_[service];
  const auto is_used = [&](unsigned dimension) { return (used >> dimension & 1) != 0; };
  if (summary.kind != inspect::SummaryKind::kRequest) {
    if (is_used(kEvent)) take(service, kEvent, static_cast<std::uint64_t>(summary.kind));
    return;
  }
  if (is_used(kAlways)) take(service, kAlways, 0);
  for (unsigned depth = 0; depth < path.depth; ++depth) {
    const auto dimension = static_cast<Dimension>(kPathPrefix1 + depth);
    if (is_used(dimension)) take(service, dimension, path.prefix[depth]);
  }
  if (is_used(kWholePath)) take(service, kWholePath, path.whole);
  if (is_used(kTemplate)) take(service, kTemplate, plain_hash(summary.path_template));
  if (is_used(kStatus)) take(service, kStatus, summary.status.value_or(0));
  if (is_used(kMethod)) take(service, kMethod, plain_hash(summary.method));
}

const std::vector<std::uint32_t>& RuleIndex::candidates(const inspect::Summary& summary) {
  found_.clear();
  const PathHashes path = hash_path(summary.path);
  collect(0, summary, path);
  const std::uint32_t service = services_.empty() ? 0 : service_number(summary.service);
  if (service != 0) collect(service, summary, path);
  std::sort(found_.begin(), found_.end());
  found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
  return found_;
}

}  // namespace tidegate::behavior
