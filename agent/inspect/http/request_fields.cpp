// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/request_fields.hpp"

#include <algorithm>

#include "agent/inspect/http/json_find.hpp"
#include "agent/inspect/http/path_template.hpp"
#include "agent/inspect/http/proxied.hpp"
#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

using Where = IdentityField::Where;
constexpr std::size_t kLongestRemembered = 1024;

// Where the content of a request must be kept for.
bool is_in_body(const std::optional<HttpContext::Service::Identity>& identity, BodyKind kind) {
  return identity && ((identity->field.where == Where::kJson && kind == BodyKind::kJson) ||
                      (identity->field.where == Where::kForm && kind == BodyKind::kForm));
}

std::optional<std::string_view> value_in_field(const HttpContext::Service::Identity& identity, Field known,
                                               std::string_view name, std::string_view value, KeptBytes& room) {
  switch (identity.field.where) {
    case Where::kCookie:
      return known == Field::kCookie ? cookie_value(value, identity.field.name) : std::nullopt;
    case Where::kHeader:
      return !value.empty() && equals_any_case(name, identity.lower_name) ? std::optional(value) : std::nullopt;
    case Where::kJwtClaim:
      return known == Field::kAuthorization ? jwt_claim(value, identity.field.name, room) : std::nullopt;
    case Where::kBasic:
      return known == Field::kAuthorization ? basic_user(value, room) : std::nullopt;
    case Where::kJson:
    case Where::kForm:
      break;
  }
  return std::nullopt;
}

void take(const auto& hashes, std::optional<IdentityHash>& hash, std::optional<IdentityHash>& before) {
  hash = hashes.now;
  before = hashes.before;
}

std::size_t text_size(const Summary& summary) {
  std::size_t size = summary.method.size() + summary.host.size() + summary.path.size() + summary.path_template.size() +
                     summary.user_agent.size();
  for (const std::string& key : summary.query_keys) size += sizeof key + key.size();
  return size;
}

}  // namespace

void RequestFields::refresh() {
  generation_ = context_.generation();
  service_ = context_.service_of(facts_.flow.server);
  const Address& asking = facts_.proxied ? *facts_.proxied : facts_.flow.client.address;
  trusted_ = is_trusted(context_.settings().trusted_proxies, asking);
}

const HttpContext::Service* RequestFields::service_of(const Exchange& exchange) const {
  return exchange.generation == generation_ && generation_ == context_.generation() ? service_ : nullptr;
}

void RequestFields::begin(Exchange& exchange) {
  if (generation_ != context_.generation()) refresh();
  exchange.generation = generation_;
  exchange.summary.proxied = facts_.proxied;
  if (service_ == nullptr) return;
  exchange.summary.service = service_->name;
  exchange.sampled = service_->payload_sample > 0 && context_.draw(service_->payload_sample);
}

void RequestFields::method(Exchange& exchange, std::string_view method) {
  exchange.is_head = method == "HEAD";
  exchange.is_connect = method == "CONNECT";
  exchange.summary.truncated |= method.size() > kLongestMethod;
  exchange.summary.method.assign(method.substr(0, kLongestMethod));
  if (exchange.target.empty()) return;
  const Target target = split_target({}, exchange.target.text());
  judge(exchange, target.path, target.query);
  exchange.target.release();
}

void RequestFields::target(Exchange& exchange, std::string_view text) {
  keep_payload(exchange, kTargetField, text);
  apply(exchange, split_target(exchange.summary.method, text));
}

// Pseudo-fields come in any order (RFC 9113, 8.3.1): what cannot be judged without the method waits for it.
void RequestFields::path(Exchange& exchange, std::string_view text) {
  keep_payload(exchange, kTargetField, text);
  apply(exchange, split_target({}, text));
  const HttpContext::Service* service = service_of(exchange);
  const bool waits = service != nullptr && service->api != nullptr && exchange.summary.method.empty();
  if (waits && exchange.target.empty()) (void)exchange.target.append(text);
}

void RequestFields::apply(Exchange& exchange, const Target& target) {
  Summary& summary = exchange.summary;
  if (!target.authority.empty()) authority(exchange, target.authority);
  summary.truncated |= !assign_path(summary.path, target.path, kLongestPath);
  make_path_template(summary.path, summary.path_template);
  if (!target.query.empty()) summary.truncated |= !assign_query_keys(summary.query_keys, target.query);
  if (!summary.method.empty()) judge(exchange, target.path, target.query);
}

// What the server is asked, as sent: the summary's path is cut and cleaned.
void RequestFields::judge(Exchange& exchange, std::string_view path, std::string_view query) {
  const HttpContext::Service* service = service_of(exchange);
  if (service == nullptr || service->api == nullptr) return;
  const api::Verdict verdict = service->api->judge(exchange.summary.method, path, query);
  exchange.summary.api_operation = verdict.operation;
  exchange.summary.api_facts = verdict.facts;
}

void RequestFields::authority(Exchange& exchange, std::string_view value) {
  const std::string_view host = host_of(value);
  exchange.summary.host.assign(host.substr(0, kLongestHost));
  exchange.summary.truncated |= host.size() > kLongestHost;
}

void RequestFields::field(Exchange& exchange, Field known, std::string_view name, std::string_view value) {
  switch (known) {
    case Field::kHost:
      if (exchange.summary.host.empty()) authority(exchange, value);
      break;
    case Field::kAuthority:
      authority(exchange, value);
      break;
    case Field::kUserAgent:
      exchange.summary.truncated |= !assign_printable(exchange.summary.user_agent, value, kLongestUserAgent);
      break;
    case Field::kForwardedFor:
    case Field::kForwarded:
      if (trusted_) proxied(exchange, known, value);
      break;
    case Field::kContentType:
      exchange.body_kind = body_kind(value);
      break;
    case Field::kContentEncoding:
      exchange.encoded |= !equals_any_case(value, "identity");
      break;
    default:
      break;
  }
  keep_payload(exchange, known == Field::kAuthority ? "host" : name, value);
  identify(exchange, known, name, value);
}

// Several fields are one list (RFC 9110, 5.3): where the last one holds trusted proxies only, the one before it counts.
// X-Forwarded-For is preferred.
void RequestFields::proxied(Exchange& exchange, Field known, std::string_view value) {
  const auto& proxies = context_.settings().trusted_proxies;
  const bool first_choice = known == Field::kForwardedFor;
  if (!first_choice && exchange.has_forwarded_for) return;
  const Rightmost found = first_choice ? forwarded_for(value, proxies) : forwarded(value, proxies);
  const bool anew = first_choice && !exchange.has_forwarded_for;
  if (found.decides || anew) exchange.summary.proxied = found.address ? found.address : facts_.proxied;
  exchange.has_forwarded_for |= first_choice;
}

void RequestFields::identify(Exchange& exchange, Field known, std::string_view name, std::string_view value) {
  const HttpContext::Service* service = service_of(exchange);
  if (service == nullptr) return;
  const auto look = [&](const std::optional<Identity>& identity, auto& hash, auto& before, Remembered& last) {
    if (!identity || hash) return;
    KeptBytes room(context_.budget);
    const auto found = value_in_field(*identity, known, name, value, room);
    if (found) take(hashes_of(*identity, last, *found), hash, before);
  };
  look(service->session, exchange.summary.session, exchange.summary.session_before, session_);
  look(service->account, exchange.summary.account, exchange.summary.account_before, account_);
}

RequestFields::Hashes RequestFields::hashes_of(const Identity& identity, Remembered& remembered,
                                               std::string_view value) {
  const std::uint64_t generation = context_.keys_generation();
  if (remembered.generation == generation && remembered.value.text() == value) return remembered.hashes;
  Hashes hashes{identity.hasher(value), std::nullopt};
  if (hashes.now && identity.before) hashes.before = (*identity.before)(value);
  remembered.generation = 0;
  remembered.value.release();
  if (hashes.now && value.size() <= kLongestRemembered && remembered.value.append(value)) {
    remembered.hashes = hashes;
    remembered.generation = generation;
  }
  return hashes;
}

void RequestFields::head_ends(Exchange& exchange) {
  exchange.head_there = true;
  const std::size_t size = text_size(exchange.summary);
  const std::size_t more = size > kUsualText ? size - kUsualText : 0;
  if (more > 0 && context_.budget.take(more)) exchange.charged += more;
  const HttpContext::Service* service = service_of(exchange);
  if (service == nullptr || exchange.encoded) return;
  exchange.seeks_identity =
      is_in_body(service->session, exchange.body_kind) || is_in_body(service->account, exchange.body_kind);
  exchange.payload_left = exchange.sampled ? service->payload_body : 0;
  exchange.wants_body = exchange.seeks_identity || exchange.payload_left > 0;
}

void RequestFields::content(Exchange& exchange, std::string_view bytes) {
  keep_payload_body(exchange, bytes);
  exchange.wants_body = exchange.seeks_identity || exchange.payload_left > 0;
  if (!exchange.seeks_identity) return;
  const std::size_t room = context_.limits.identity_body - exchange.body.size();
  const bool kept = exchange.body.append(bytes.substr(0, room));
  if (!kept || exchange.body.size() == context_.limits.identity_body) search_body(exchange, false);
}

void RequestFields::request_ends(Exchange& exchange) {
  if (exchange.wants_body && exchange.seeks_identity) search_body(exchange, true);
  exchange.wants_body = false;
  // What follows may last for hours.
  if (exchange.upgrade != Upgrade::kNone) pass_payload(exchange);
}

void RequestFields::search_body(Exchange& exchange, bool complete) {
  exchange.seeks_identity = false;
  exchange.wants_body = exchange.payload_left > 0;
  const auto look = [&](const std::optional<Identity>& identity, auto& hash, auto& before, Remembered& last) {
    if (hash || !is_in_body(identity, exchange.body_kind)) return;
    KeptBytes room(context_.budget);
    const std::string_view text = exchange.body.text();
    const auto found = exchange.body_kind == BodyKind::kJson ? find_in_json(text, identity->field.name, room)
                                                             : form_value(text, identity->field.name, complete, room);
    if (found && !found->empty()) take(hashes_of(*identity, last, *found), hash, before);
  };
  if (const HttpContext::Service* service = service_of(exchange)) {
    look(service->session, exchange.summary.session, exchange.summary.session_before, session_);
    look(service->account, exchange.summary.account, exchange.summary.account_before, account_);
  }
  exchange.body.release();
}

}  // namespace tidegate::inspect::http
