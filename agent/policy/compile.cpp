// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/compile.hpp"

#include "agent/policy/advice.hpp"
#include "agent/policy/rates.hpp"
#include "agent/policy/report.hpp"
#include "agent/policy/services.hpp"
#include "agent/policy/slots.hpp"
#include "agent/policy/sources.hpp"

namespace tidegate::policy {
namespace {

// What hosts need of neighbour discovery and path MTU errors, with room; more of either is a flood. Per CPU.
constexpr Rate kNeighbourRate{2000, std::chrono::seconds(1)};
constexpr Rate kIcmpErrorRate{1000, std::chrono::seconds(1)};

// Translates limits and files what cannot be represented under the service's name.
class Limiter {
 public:
  Limiter(const CompileInput& input, Report& report) : input_(input), report_(report) {}

  tg_rate rate(const std::string& what, const std::optional<Limit>& limit, bool is_bytes) {
    if (!limit) return {};
    return keep(what, limit->location, to_gcra(limit->rate, limit->burst, is_bytes, input_.tick));
  }

  tg_rate share(const std::string& what, const NewSources& budget, double share) {
    return keep(what, budget.location, share_of(budget.rate, share, input_.tick));
  }

 private:
  tg_rate keep(const std::string& what, Location location, const Result<tg_rate>& result) {
    if (result) return *result;
    report_.error(location, what + ": " + result.error().message);
    return {};
  }

  const CompileInput& input_;
  Report& report_;
};

void check_interfaces(const Policy& policy, Report& report) {
  if (!policy.interfaces.empty()) return;
  report.error({1, 1},
               "the policy names no interface, nothing would be protected; add for example `interfaces: [eth0]`");
}

void compile_host(const CompileInput& input, Limiter& limiter, tg_host& host) {
  const Policy& policy = input.policy;
  if (policy.enforce) host.flags |= TG_HOST_ENFORCE;
  if (policy.drop_malformed) host.flags |= TG_HOST_DROP_MALFORMED;
  if (policy.drop_non_first_fragments) host.flags |= TG_HOST_DROP_NON_FIRST;
  host.source_mask_v4 = ~0ULL << (32 - policy.ipv4_prefix);
  const Prefix mask = Prefix::around({~0ULL, ~0ULL}, policy.ipv6_prefix);
  host.source_mask_v6 = {mask.address.hi, mask.address.lo};
  host.replies = limiter.rate("replies", policy.replies.value_or(Limit{kDefaultCeiling, std::nullopt, {}}), false);
  host.neighbour = limiter.rate("neighbour discovery", Limit{kNeighbourRate, std::nullopt, {}}, false);
  host.icmp_error = limiter.rate("ICMP errors", Limit{kIcmpErrorRate, std::nullopt, {}}, false);
  host.default_service = TG_SERVICE_NONE;
}

tg_service compile_service(const Service& service, Limiter& limiter, Report& report) {
  const std::string where = "service " + service.name + ": ";
  const Limits& limits = service.limits;
  tg_service result{};
  result.packets = limiter.rate(where + "packets", limits.packets, false);
  result.bytes = limiter.rate(where + "bytes", limits.bytes, true);
  result.syn = limiter.rate(where + "syn", limits.syn, false);
  if (service.dry_run) result.flags |= TG_SERVICE_DRY_RUN;
  if (!limits.new_sources) return result;
  const NewSources& budget = *limits.new_sources;
  if (!limits.packets && !limits.bytes && !limits.syn) {
    report.warning(budget.location, where +
                                        "new_sources bounds only newcomers; whoever was admitted has no limit until "
                                        "you add packets, bytes or syn");
  }
  if (!(budget.syn_share >= 0 && budget.syn_share <= 1)) {
    report.error(budget.location, where + "syn_share is not between 0 and 1");
    return result;
  }
  result.flags |= TG_SERVICE_NEW_SOURCES;
  result.fresh_syn = limiter.share(where + "new_sources", budget, budget.syn_share);
  result.fresh = limiter.share(where + "new_sources", budget, 1 - budget.syn_share);
  return result;
}

void compile_services(const CompileInput& input, Compiled& compiled, Limiter& limiter, Report& report) {
  Image& image = *compiled.image;
  image.services.assign(TG_SERVICES, {});
  const Service* default_service = nullptr;
  for (const Service& service : input.policy.services) {
    const unsigned slot = compiled.slots.at(service.name);
    image.services[slot] = compile_service(service, limiter, report);
    if (!service.is_default) continue;
    if (default_service != nullptr) {
      report.error(service.location, "service " + service.name + ": service " + default_service->name + " at " +
                                         to_string(default_service->location) + " is the default already; keep one");
    }
    default_service = &service;
    image.host.default_service = static_cast<__u16>(slot);
  }
}

void compile_tables(const CompileInput& input, Compiled& compiled, Report& report) {
  const auto classes = compile_destinations(input.policy, *compiled.image, report);
  if (!classes) return;
  std::size_t matches = 0;
  for (const Service& service : input.policy.services) matches += service.match.size();
  if (matches > TG_RANGES) {
    report.error(input.policy.services.front().location,
                 "services have " + std::to_string(matches) + " matches together, map ranges holds " +
                     std::to_string(TG_RANGES) + " ranges; use fewer or wider ranges");
    return;
  }
  check_overlaps(input.policy, *classes, report);
  compile_ranges(input.policy, *classes, compiled.slots, *compiled.image, report);
}

}  // namespace

CompileReport compile_all(const CompileInput& input) {
  Report report;
  Compiled compiled{.image = std::make_unique<Image>(), .slots = {}, .warnings = {}};
  Limiter limiter(input, report);
  check_interfaces(input.policy, report);
  compile_host(input, limiter, compiled.image->host);
  compiled.slots = assign_slots(input.policy, input.slots, report);
  compile_sources(input, *compiled.image, report);
  if (compiled.slots.size() == input.policy.services.size()) {
    compile_services(input, compiled, limiter, report);
    compile_tables(input, compiled, report);
  }
  if (!report.failed()) advise(input, compiled, report);
  CompileReport result;
  const bool failed = report.failed();
  result.issues = std::move(report).take();
  if (failed) return result;
  for (const Issue& issue : result.issues) compiled.warnings.push_back(issue.message);
  result.compiled = std::move(compiled);
  return result;
}

Result<Compiled> compile(const CompileInput& input) {
  CompileReport report = compile_all(input);
  if (report.compiled) return std::move(*report.compiled);
  for (const Issue& issue : report.issues) {
    if (!issue.warning) return fail(ErrorCode::kInvalidArgument, to_string(issue.location) + ": " + issue.message);
  }
  return fail(ErrorCode::kInternal, "the policy was refused without a reason");
}

}  // namespace tidegate::policy
