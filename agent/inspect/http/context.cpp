// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/context.hpp"

#include <algorithm>

#include "agent/inspect/http/text.hpp"
#include "agent/inspect/model/flow_hash.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::size_t kMostFree = 256;

using Identity = HttpContext::Service::Identity;

std::optional<Identity> identity_of(const std::optional<IdentityField>& field, const Settings& settings,
                                    std::string_view service, std::string_view kind) {
  if (!field) return std::nullopt;
  std::string lower_name = field->name;
  std::ranges::transform(lower_name, lower_name.begin(), http::lower);
  Identity identity{*field, std::move(lower_name), http::IdentityHasher(settings.identity_key, service, kind), {}};
  if (settings.identity_key_before) identity.before.emplace(*settings.identity_key_before, service, kind);
  return identity;
}

// Whether all that a request in the middle of its head relies on stays as it is.
bool differ_in_keys_alone(const Settings& a, const Settings& b) {
  const auto same = [](const auto& one, const auto& other) { return one == other || *one == *other; };
  return a.services == b.services && a.everything == b.everything && a.trusted_proxies == b.trusted_proxies &&
         std::ranges::equal(a.apis, b.apis, same);
}

// Everything but the facts of the connection, which are often still the right ones.
void clear(Summary& summary) {
  summary.kind = SummaryKind::kRequest;
  summary.sequence = 0;
  summary.duration = {};
  summary.service.clear();
  summary.proxied.reset();
  summary.http = HttpVersion::k11;
  for (std::string* text :
       {&summary.method, &summary.host, &summary.path, &summary.path_template, &summary.user_agent}) {
    text->clear();
  }
  summary.query_keys.clear();
  summary.status.reset();
  summary.grpc_status.reset();
  summary.request_bytes = summary.response_bytes = 0;
  summary.session.reset();
  summary.account.reset();
  summary.session_before.reset();
  summary.account_before.reset();
  summary.api_operation = 0;
  summary.api_facts = summary.attacks = 0;
  summary.websocket.reset();
  summary.truncated = summary.lossy = summary.reset = false;
}

void clear(http::Exchange& exchange) {
  clear(exchange.summary);
  exchange.last = {};
  exchange.next = nullptr;
  exchange.body.release();
  exchange.payload_head.release();
  exchange.payload_body.release();
  exchange.payload_left = 0;
  exchange.payload_fields = 0;
  exchange.sampled = exchange.payload_cut = exchange.seeks_identity = false;
  exchange.target.release();
  exchange.body_kind = http::BodyKind::kNone;
  exchange.upgrade = http::Upgrade::kNone;
  exchange.encoded = exchange.wants_body = exchange.head_there = exchange.is_head = exchange.is_connect = false;
  exchange.has_forwarded_for = false;
  exchange.request_done = exchange.response_begun = exchange.response_done = exchange.tunnel = exchange.told = false;
  exchange.unread = exchange.untold = exchange.is_simple = false;
}

}  // namespace

HttpContext::HttpContext(const HttpLimits& limits_, const Settings& settings, SummarySink& sink_, MemoryBudget& budget_,
                         Counters& counters_)
    : limits(limits_),
      sink(sink_),
      budget(budget_),
      counters(counters_),
      hpack_memory(budget_),
      chance_(settings.sample_seed) {
  set_settings(settings);
}

// Where keys are all that is new, requests that are being read go on.
void HttpContext::set_settings(const Settings& settings) {
  const bool keys_alone = generation_ > 0 && differ_in_keys_alone(settings_, settings);
  settings_ = settings;
  if (!keys_alone) {
    ++generation_;
    set_apis();
    services_.clear();
    for (const InspectedService& service : settings_.services) {
      api::Matcher* const api = service.api == 0 ? nullptr : apis_.at(service.api - 1).matcher.get();
      services_.push_back({service.name, service.payload_sample, service.payload_body, {}, {}, api});
    }
  }
  take_keys();
}

void HttpContext::take_keys() {
  ++keys_generation_;
  for (std::size_t i = 0; i < services_.size(); ++i) {
    const InspectedService& service = settings_.services[i];
    services_[i].session = identity_of(service.session, settings_, service.name, "session");
    services_[i].account = identity_of(service.account, settings_, service.name, "account");
  }
}

void HttpContext::set_apis() {
  std::vector<Api> next;
  for (const auto& description : settings_.apis) {
    const auto known =
        std::ranges::find_if(apis_, [&](const Api& api) { return api.matcher && *api.api == *description; });
    if (known != apis_.end()) {
      next.push_back(std::move(*known));
    } else {
      next.push_back({description, std::make_unique<api::Matcher>(*description)});
    }
  }
  apis_ = std::move(next);
}

const HttpContext::Service* HttpContext::service_of(const Endpoint& server) const {
  const InspectedService* found = inspect::service_of(settings_, server.address, server.port);
  return found == nullptr ? nullptr : &services_[static_cast<std::size_t>(found - settings_.services.data())];
}

// splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators): who does not know the seed cannot
// tell which requests are drawn.
bool HttpContext::draw(double share) {
  const std::uint64_t bits = mix64(chance_ += 0x9e3779b97f4a7c15);
  return static_cast<double>(bits >> 11) * 0x1p-53 < share;
}

http::Exchange* HttpContext::open() {
  constexpr std::uint64_t kCharge = sizeof(http::Exchange) + http::kUsualText;
  if (!budget.take(kCharge)) return nullptr;
  if (free_.empty()) free_.push_back(std::make_unique<http::Exchange>(budget));
  http::Exchange* exchange = free_.back().release();
  free_.pop_back();
  exchange->charged = kCharge;
  return exchange;
}

void HttpContext::close(http::Exchange* exchange) {
  std::unique_ptr<http::Exchange> owned(exchange);
  clear(*owned);
  budget.give_back(owned->charged);
  owned->charged = 0;
  if (free_.size() < kMostFree) free_.push_back(std::move(owned));
}

void HttpContextDeleter::operator()(HttpContext* context) const { delete context; }

HttpContextPtr make_http_context(const HttpLimits& limits, const Settings& settings, SummarySink& sink,
                                 MemoryBudget& budget, Counters& counters) {
  return HttpContextPtr(new HttpContext(limits, settings, sink, budget, counters));
}

void tell_handshake(HttpContext& context, const ConnectionFacts& facts, WallTime began, WallTime now) {
  Summary event;
  event.kind = SummaryKind::kHandshake;
  event.sequence = context.sink.began();
  event.began = began;
  event.duration = std::max(now - began, std::chrono::nanoseconds(0));
  event.connection = facts;
  event.proxied = facts.proxied;
  if (const auto* service = context.service_of(facts.flow.server)) event.service = service->name;
  context.counters.add(Counter::kHandshakeOnly);
  context.sink.finished(event);
}

void set_settings(HttpContext& context, const Settings& settings) { context.set_settings(settings); }

}  // namespace tidegate::inspect
