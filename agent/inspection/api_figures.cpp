// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/api_figures.hpp"

#include <algorithm>
#include <tuple>

#include "agent/base/siphash.hpp"
#include "agent/openapi/document.hpp"

namespace tidegate::inspection {
namespace {

using inspect::Summary;

constexpr std::size_t kLongestApiPath = 256;  // longer ones are cut, and count as one
constexpr unsigned kApiCandidates = 8;        // looked at to find the least used
constexpr unsigned kIpv6Bits = 64;            // a source of IPv6
constexpr const char* kOtherPaths = "(other)";

std::size_t status_class_of(const std::optional<std::uint16_t>& status) {
  return status && *status >= 100 && *status < 600 ? *status / 100U : 0U;
}

}  // namespace

struct ApiFigures::Row {
  std::string method;
  std::string path;
  bool wrong_method = false;
  std::uint64_t calls = 0;
  Callers callers;
  std::array<std::uint64_t, kStatusClasses> by_class{};
  std::array<std::pair<std::uint16_t, std::uint64_t>, kMostStatuses> statuses{};
  std::array<std::uint64_t, 3> violations{};  // undeclared query, path, query
  std::optional<WallTime> last_seen;

  void count(const Summary& summary, std::uint64_t caller) {
    ++calls;
    callers.add(caller);
    ++by_class[status_class_of(summary.status)];
    if (summary.status) count_status(*summary.status, 1);
    violations[0] += (summary.api_facts & inspect::kApiUndeclaredQuery) != 0;
    violations[1] += (summary.api_facts & inspect::kApiInvalidPath) != 0;
    violations[2] += (summary.api_facts & inspect::kApiInvalidQuery) != 0;
    last_seen = std::max(last_seen.value_or(summary.began), summary.began);
  }
  // What is not among the first few takes the place of the rarest.
  void count_status(std::uint16_t status, std::uint64_t times) {
    auto place = std::ranges::find(statuses, status, &std::pair<std::uint16_t, std::uint64_t>::first);
    if (place == statuses.end()) place = std::ranges::min_element(statuses, {}, [](const auto& s) { return s.second; });
    *place = {status, (place->first == status ? place->second : 0) + times};
  }
  void absorb(const Row& other) {
    calls += other.calls;
    callers.add(other.callers);
    for (std::size_t i = 0; i < kStatusClasses; ++i) by_class[i] += other.by_class[i];
    for (const auto& [status, times] : other.statuses) {
      if (times > 0) count_status(status, times);
    }
    for (std::size_t i = 0; i < violations.size(); ++i) violations[i] += other.violations[i];
    if (other.last_seen) last_seen = std::max(last_seen.value_or(*other.last_seen), *other.last_seen);
  }
  void fill(ApiRow& to) const {
    to.calls = calls;
    to.callers = callers.estimate();
    to.by_class = by_class;
    for (const auto& entry : statuses) {
      if (entry.second > 0) to.statuses.push_back(entry);
    }
    std::ranges::sort(to.statuses, [](const auto& a, const auto& b) {
      return std::pair(b.second, a.first) < std::pair(a.second, b.first);
    });
    to.undeclared_query = violations[0];
    to.invalid_path = violations[1];
    to.invalid_query = violations[2];
    to.last_seen = last_seen;
  }
};

struct ApiFigures::Service {
  std::shared_ptr<const openapi::Document> document;
  WallTime since;
  std::vector<std::unique_ptr<Row>> operations;  // nullptr: not called yet
  std::unordered_map<std::string, std::unique_ptr<Row>> undocumented;
  std::vector<const std::string*> order;  // its keys, for taking a few at random
  std::unique_ptr<Row> other;
};

ApiFigures::ApiFigures(const Clock& clock, std::uint64_t secret) : clock_(clock), secret_(secret) {}

ApiFigures::~ApiFigures() = default;

void ApiFigures::set_policy(const policy::Policy& policy) {
  auto state = state_.lock();
  std::map<std::string, std::unique_ptr<Service>, std::less<>> next;
  for (const auto& service : policy.services) {
    auto& entry = next[service.name];
    if (!service.openapi || !service.openapi->document) continue;
    const auto& document = service.openapi->document;
    const auto before = state->services.find(service.name);
    if (before != state->services.end() && before->second && before->second->document->digest == document->digest) {
      entry = std::move(before->second);
    } else {
      entry = std::make_unique<Service>();
      entry->since = clock_.wall();
      entry->operations.resize(document->operations.size());
    }
    entry->document = document;
  }
  state->services = std::move(next);
}

std::uint64_t ApiFigures::caller_of(const Summary& summary) const {
  const Address& peer = summary.connection.flow.client.address;
  const Address& caller = summary.proxied              ? *summary.proxied
                          : summary.connection.proxied ? *summary.connection.proxied
                                                       : peer;
  const Address source = caller.is_v4() ? caller : Prefix::around(caller, kIpv6Bits).address;
  return SipHash(secret_, 0).add(source.hi).add(source.lo).value();
}

void ApiFigures::take(const Summary& summary) {
  if (summary.kind != inspect::SummaryKind::kRequest || (summary.api_operation == 0 && summary.api_facts == 0)) return;
  auto state = state_.lock();
  const auto found = state->services.find(summary.service);
  if (found == state->services.end() || !found->second) return;
  Service& service = *found->second;
  if (summary.api_operation > service.operations.size()) return;  // by a description that is no longer in force
  if (summary.api_operation == 0) return undocumented(service, summary).count(summary, caller_of(summary));
  auto& row = service.operations[summary.api_operation - 1U];
  if (!row) row = std::make_unique<Row>();
  row->count(summary, caller_of(summary));
}

ApiFigures::Row& ApiFigures::undocumented(Service& service, const Summary& summary) {
  const bool wrong_method = (summary.api_facts & inspect::kApiWrongMethod) != 0;
  std::string key = wrong_method ? "!" : "?";
  key += summary.method + ' ';
  key.append(summary.path_template, 0, kLongestApiPath);
  if (const auto known = service.undocumented.find(key); known != service.undocumented.end()) return *known->second;
  if (service.undocumented.size() >= kMostUndocumented) make_room(service);
  auto row = std::make_unique<Row>();
  row->method = summary.method;
  row->path = summary.path_template.substr(0, kLongestApiPath);
  row->wrong_method = wrong_method;
  const auto added = service.undocumented.emplace(std::move(key), std::move(row)).first;
  service.order.push_back(&added->first);
  return *added->second;
}

// The least called of a few taken at random: what is called a lot practically never goes.
void ApiFigures::make_room(Service& service) {
  std::size_t least = 0;
  std::uint64_t calls = UINT64_MAX;
  for (unsigned i = 0; i < kApiCandidates; ++i) {
    const std::size_t candidate = random_() % service.order.size();
    const std::uint64_t its = service.undocumented.find(*service.order[candidate])->second->calls;
    if (its < calls) least = candidate;
    calls = std::min(calls, its);
  }
  const auto gone = service.undocumented.find(*service.order[least]);
  if (!service.other) service.other = std::make_unique<Row>();
  service.other->path = kOtherPaths;
  service.other->absorb(*gone->second);
  service.order[least] = service.order.back();
  service.order.pop_back();
  service.undocumented.erase(gone);
}

Result<ApiReport> ApiFigures::report(const std::string& name) const {
  auto state = state_.lock();
  const auto found = state->services.find(name);
  if (found == state->services.end())
    return fail(ErrorCode::kNotFound, "the policy in force has no service " + name + "; `tidegate status` lists them");
  if (!found->second) {
    return fail(ErrorCode::kFailedPrecondition, "service " + name +
                                                    " is held against no API description; give it `openapi: FILE`, or "
                                                    "see the warnings of `tidegate status`");
  }
  const Service& service = *found->second;
  ApiReport report{.service = name, .file = service.document->file, .since = service.since, .rows = {}};
  for (std::size_t i = 0; i < service.operations.size(); ++i) {
    const openapi::Operation& operation = service.document->operations[i];
    ApiRow& row = report.rows.emplace_back();
    row.operation = operation.name;
    row.method = operation.method;
    row.path = operation.path;
    row.deprecated = operation.deprecated;
    if (service.operations[i]) service.operations[i]->fill(row);
  }
  const auto first = static_cast<std::ptrdiff_t>(report.rows.size());
  const auto add = [&](const Row& from) {
    ApiRow& row = report.rows.emplace_back();
    row.method = from.method;
    row.path = from.path;
    row.wrong_method = from.wrong_method;
    row.undocumented = !from.wrong_method;
    from.fill(row);
  };
  for (const auto& [key, row] : service.undocumented) add(*row);
  std::sort(report.rows.begin() + first, report.rows.end(), [](const ApiRow& a, const ApiRow& b) {
    return std::tie(b.calls, a.path, a.method) < std::tie(a.calls, b.path, b.method);
  });
  if (service.other) add(*service.other);
  return report;
}

}  // namespace tidegate::inspection
