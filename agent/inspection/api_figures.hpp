// SPDX-License-Identifier: Apache-2.0
// What is asked of services that have an API description: of each operation, and of what is not described.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/error.hpp"
#include "agent/base/guarded.hpp"
#include "agent/inspection/callers.hpp"
#include "agent/inspection/report.hpp"

namespace tidegate::inspection {

// One operation, or one undocumented method and path template.
struct ApiRow {
  std::string operation;  // its operationId, or "GET /users/{id}"; empty: it is not described
  std::string method;
  std::string path;  // the description's template, without base paths; of what is not described that of the requests
  bool deprecated = false;
  bool undocumented = false;  // no path of the description fits
  bool wrong_method = false;  // the path is described, this method of it is not
  std::uint64_t calls = 0;
  std::uint64_t callers = 0;  // different sources, estimated
  std::array<std::uint64_t, kStatusClasses> by_class{};
  std::vector<std::pair<std::uint16_t, std::uint64_t>> statuses;  // the most frequent ones, at most kMostStatuses
  std::uint64_t undeclared_query = 0;
  std::uint64_t invalid_path = 0;
  std::uint64_t invalid_query = 0;
  std::optional<WallTime> last_seen;
};

struct ApiReport {
  std::string service;
  std::string file;  // of the description
  WallTime since;    // counted from then on
  std::vector<ApiRow>
      rows;  // operations in the order of the description, then what is not described, most called first
};

// Thread-safe. Bounded: rows of operations by the description, others by kMostUndocumented of each service; what there
// is no room for is one row with the path "(other)".
class ApiFigures final : public SummaryConsumer {
 public:
  static constexpr std::size_t kMostUndocumented = 1024;
  static constexpr std::size_t kMostStatuses = 8;

  ApiFigures(const Clock& clock, std::uint64_t secret);
  ~ApiFigures() override;

  // The policy in force. Figures go on for services whose description is the same, and begin anew for others.
  void set_policy(const policy::Policy& policy);
  void take(const inspect::Summary& summary) override;
  // kNotFound: there is no such service; kFailedPrecondition: it has no description.
  Result<ApiReport> report(const std::string& service) const;

 private:
  struct Row;
  struct Service;
  struct State {
    std::map<std::string, std::unique_ptr<Service>, std::less<>> services;  // nullptr: without a description
  };

  std::uint64_t caller_of(const inspect::Summary& summary) const;
  Row& undocumented(Service& service, const inspect::Summary& summary);
  void make_room(Service& service);

  const Clock& clock_;
  const std::uint64_t secret_;
  std::minstd_rand random_{1};
  mutable Guarded<State> state_;
};

}  // namespace tidegate::inspection
