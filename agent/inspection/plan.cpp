// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/plan.hpp"

#include <algorithm>
#include <optional>

#include "agent/openapi/document.hpp"

namespace tidegate::inspection {
namespace {

using Range = std::pair<std::uint16_t, std::uint16_t>;

constexpr std::uint8_t kTcp = 6;
constexpr Range kEveryPort{0, 65535};

// What one service takes of TCP at one precision.
struct Claim {
  const policy::Service* service;
  std::optional<Prefix> address;  // none: every one
  Range ports;

  // Higher: asked first.
  auto precision() const {
    const unsigned bits = address ? address->length + 1U : 0U;
    return std::pair(bits, service->is_default ? -65536 : ports.first - ports.second);
  }
  bool overlaps(const Claim& other) const {
    const bool same_place = !address || !other.address || address->overlaps(*other.address);
    return same_place && ports.first <= other.ports.second && other.ports.first <= ports.second;
  }
};

void add_claims(const policy::Service& service, const Range& ports, std::vector<Claim>& claims) {
  if (service.addresses.empty()) claims.push_back({&service, std::nullopt, ports});
  for (const auto& prefix : service.addresses) claims.push_back({&service, prefix, ports});
}

std::vector<Claim> claims_of(const policy::Policy& policy) {
  std::vector<Claim> claims;
  for (const auto& service : policy.services) {
    if (service.is_default) add_claims(service, kEveryPort, claims);
    for (const auto& match : service.match) {
      if (match.protocol == kTcp) add_claims(service, match.ports.value_or(kEveryPort), claims);
    }
  }
  std::stable_sort(claims.begin(), claims.end(),
                   [](const Claim& a, const Claim& b) { return a.precision() > b.precision(); });
  return claims;
}

// A claim that is not inspected matters only where it comes before one that is.
std::vector<Claim> without_bystanders(const std::vector<Claim>& claims) {
  std::vector<Claim> kept;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    const bool matters =
        claims[i].service->inspection.wanted() ||
        std::any_of(claims.begin() + static_cast<std::ptrdiff_t>(i), claims.end(),
                    [&](const Claim& c) { return c.service->inspection.wanted() && c.overlaps(claims[i]); });
    if (matters) kept.push_back(claims[i]);
  }
  return kept;
}

std::optional<inspect::IdentityField> to_inspect(const std::optional<policy::IdentityField>& field) {
  using From = policy::IdentityField::Where;
  using To = inspect::IdentityField::Where;
  if (!field) return std::nullopt;
  const auto where = [&] {
    switch (field->where) {
      case From::kCookie:
        return To::kCookie;
      case From::kHeader:
        return To::kHeader;
      case From::kJwtClaim:
        return To::kJwtClaim;
      case From::kJson:
        return To::kJson;
      case From::kForm:
        return To::kForm;
      case From::kBasic:
        return To::kBasic;
    }
    return To::kBasic;
  };
  return inspect::IdentityField{where(), field->name};
}

inspect::InspectedService to_inspect(const Claim& claim) {
  inspect::InspectedService service;
  service.name = claim.service->name;
  service.ports = {claim.ports};
  if (claim.address) service.addresses = {*claim.address};
  service.session = to_inspect(claim.service->inspection.session);
  service.account = to_inspect(claim.service->inspection.account);
  service.excluded = !claim.service->inspection.wanted();
  if (const auto& payloads = claim.service->inspection.payloads; payloads && !service.excluded) {
    service.payload_sample = payloads->sample;
    service.payload_body = static_cast<std::uint32_t>(std::min(payloads->body, policy::kMostPayloadBody));
  }
  return service;
}

// Neighbours of one service and one precision become one entry: addresses of the same ports, else ports of the same
// addresses.
void append(std::vector<inspect::InspectedService>& services, const Claim& claim, const Claim* before) {
  inspect::InspectedService next = to_inspect(claim);
  if (before != nullptr && before->service == claim.service && before->precision() == claim.precision()) {
    auto& last = services.back();
    if (last.ports == next.ports && !last.addresses.empty()) {
      last.addresses.push_back(next.addresses.front());
      return;
    }
    if (last.addresses == next.addresses) {
      last.ports.push_back(claim.ports);
      return;
    }
  }
  services.push_back(std::move(next));
}

std::vector<Range> ports_of(const std::vector<Claim>& claims) {
  std::vector<Range> ports;
  for (const auto& claim : claims) {
    if (claim.service->inspection.wanted()) ports.push_back(claim.ports);
  }
  std::sort(ports.begin(), ports.end());
  std::vector<Range> merged;
  for (const auto& range : ports) {
    if (!merged.empty() && range.first <= merged.back().second + 1) {
      merged.back().second = std::max(merged.back().second, range.second);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

// Services that name the same file share its description.
void add_apis(const policy::Policy& policy, inspect::Settings& settings) {
  for (const auto& service : policy.services) {
    if (!service.openapi || !service.openapi->document) continue;
    const auto& api = service.openapi->document->api;
    auto known = std::ranges::find(settings.apis, api);
    if (known == settings.apis.end()) known = settings.apis.insert(settings.apis.end(), api);
    for (auto& inspected : settings.services) {
      if (inspected.name != service.name || inspected.excluded) continue;
      inspected.api = static_cast<std::uint32_t>(known - settings.apis.begin()) + 1;
    }
  }
}

}  // namespace

Plan make_plan(const policy::Policy& policy) {
  Plan plan;
  for (const auto& service : policy.services) {
    if (service.inspection.wanted()) plan.services.push_back(service.name);
  }
  const auto claims = without_bystanders(claims_of(policy));
  plan.ports = ports_of(claims);
  plan.wanted = !plan.ports.empty();
  for (const auto& interface : policy.interfaces) plan.interfaces.push_back(interface.name);
  for (std::size_t i = 0; i < claims.size(); ++i) {
    append(plan.settings.services, claims[i], i == 0 ? nullptr : &claims[i - 1]);
    plan.payloads = plan.payloads || plan.settings.services.back().payload_sample > 0;
  }
  add_apis(policy, plan.settings);
  for (const auto& proxy : policy.trusted_proxies) plan.settings.trusted_proxies.push_back(proxy.prefix);
  return plan;
}

}  // namespace tidegate::inspection
