// SPDX-License-Identifier: Apache-2.0
// Finds the rules that can match a request without asking all of them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/behavior/rule.hpp"

namespace tidegate::behavior {

// A match that requests are tried against: that of a rule, or one of its steps.
struct Observer {
  std::uint32_t rule = 0;
  std::int32_t step = -1;  // -1: the rule's own match
  const Match* match = nullptr;
};

// Each observer is listed under one thing that its requests have in common, the rarest one that is known: a whole path,
// the first segments of a path, a template, a status, a method; else with what is looked at for every request of its
// service. What asks for other events than requests is listed by those, too, and looked at for them alone. A request
// asks for the lists of what it is. Immutable; not thread-safe for its scratch space.
class RuleIndex {
 public:
  // Keeps a reference to the rules. Observers are numbered in the order in which they have to act: rules by falling
  // priority, then as written; of one rule its match before its steps, the last step first, so that no request is an
  // earlier step of itself.
  explicit RuleIndex(const std::vector<Rule>& rules);

  // The observers that the request may match, ascending; at least all that it does match. Valid until the next call.
  const std::vector<std::uint32_t>& candidates(const inspect::Summary& summary);

  const std::vector<Observer>& observers() const { return observers_; }

 private:
  enum Dimension : unsigned {
    kAlways,
    kPathPrefix1,  // the first segment of the path, and so on
    kPathPrefix2,
    kPathPrefix3,
    kPathPrefix4,
    kWholePath,
    kTemplate,
    kStatus,
    kMethod,
    kEvent,  // that is no request
    kDimensions,
  };
  static constexpr unsigned kDeepestPrefix = 4;
  static constexpr std::size_t kMostStatuses = 16;  // of one observer; a class of 100 goes by something else

  struct PathHashes {
    std::array<std::uint64_t, kDeepestPrefix> prefix{};
    unsigned depth = 0;
    std::uint64_t whole = 0;
  };

  void order(const std::vector<Rule>& rules);
  void list(std::uint32_t observer, const std::vector<Rule>& rules);
  void list_by_request(std::uint32_t service, const Needs& needs, std::uint32_t observer);
  void add(std::uint32_t service, Dimension dimension, std::uint64_t value, std::uint32_t observer);
  bool list_by_path(std::uint32_t service, const Needs& needs, std::uint32_t observer);
  void collect(std::uint32_t service, const inspect::Summary& summary, const PathHashes& path);
  void take(std::uint32_t service, Dimension dimension, std::uint64_t value);
  static PathHashes hash_path(std::string_view path);
  std::uint32_t service_number(const std::string& name) const;

  std::vector<Observer> observers_;
  std::unordered_map<std::string, std::uint32_t> services_;  // those that rules name, from 1; 0: any
  std::vector<std::uint32_t> dimensions_;                    // by service: a bit for each dimension in use
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> lists_;
  std::vector<std::uint32_t> found_;
};

}  // namespace tidegate::behavior
