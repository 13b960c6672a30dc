// SPDX-License-Identifier: Apache-2.0
#include "agent/config/inspection_reader.hpp"

namespace tidegate::config {
namespace {

using Where = policy::IdentityField::Where;

constexpr std::size_t kLongestField = 255;

// `tls` and `http`: {inspect: true | false}.
void read_wish(const Node* node, const std::string& what, const Values& values, bool& wanted,
               policy::Location& location) {
  if (node == nullptr) return;
  MapReader map(*node, what, values.report());
  if (const auto inspect = values.boolean(map.require("inspect"), what + " inspect")) wanted = *inspect;
  map.finish();
  if (wanted) location = node->location;
}

// Exactly one of the ways in which a value is found in a request.
void check_only_one(const Node& node, const std::string& what, std::string_view ways, const Values& values) {
  if (!node.is_map() || node.members.size() == 1) return;
  values.error(node.location, what + " has to name exactly one of " + std::string(ways));
}

// The way of this name, when it is there.
void read_way(MapReader& map, const char* key, Where where, const Values& values,
              std::optional<policy::IdentityField>& field) {
  const Node* node = map.take(key);
  const std::string what = map.what() + " " + key;
  const auto name = values.text(node, what);
  if (!name) return;
  if (name->size() > kLongestField) {
    values.error(node->location, what + " is longer than " + std::to_string(kLongestField) + " bytes");
  } else if (where == Where::kJson && !name->starts_with('/')) {
    values.error(node->location,
                 map.what() + ": " + policy::in_quotes(*name) + " is no JSON pointer (RFC 6901); it begins with '/'");
  } else {
    field = {where, *name};
  }
}

std::optional<policy::IdentityField> read_session(const Node* node, const std::string& what, const Values& values) {
  if (node == nullptr) return std::nullopt;
  std::optional<policy::IdentityField> field;
  MapReader map(*node, what, values.report());
  read_way(map, "cookie", Where::kCookie, values, field);
  read_way(map, "header", Where::kHeader, values, field);
  read_way(map, "jwt_claim", Where::kJwtClaim, values, field);
  map.finish();
  check_only_one(*node, what, "cookie, header and jwt_claim", values);
  return field;
}

std::optional<policy::IdentityField> read_account(const Node* node, const std::string& what, const Values& values) {
  if (node == nullptr) return std::nullopt;
  std::optional<policy::IdentityField> field;
  MapReader map(*node, what, values.report());
  read_way(map, "json", Where::kJson, values, field);
  read_way(map, "form", Where::kForm, values, field);
  read_way(map, "jwt_claim", Where::kJwtClaim, values, field);
  const Node* basic = map.take("basic");
  if (const auto value = values.boolean(basic, what + " basic")) {
    if (*value) {
      field = {Where::kBasic, {}};
    } else {
      values.error(basic->location, what + " basic can only be true; leave it out otherwise");
    }
  }
  map.finish();
  check_only_one(*node, what, "json, form, basic and jwt_claim", values);
  return field;
}

std::optional<policy::Payloads> read_payloads(const Node* node, const std::string& what, const Values& values) {
  if (node == nullptr) return std::nullopt;
  policy::Payloads payloads{.location = node->location};
  MapReader map(*node, what, values.report());
  if (const auto sample = values.fraction(map.take("sample"), what + " sample", 0, 1)) payloads.sample = *sample;
  const Node* body = map.take("body");
  if (const auto bytes = values.bytes(body, what + " body")) {
    payloads.body = *bytes;
    if (*bytes > policy::kMostPayloadBody)
      values.error(body->location, what + " body is more than " + format_bytes(policy::kMostPayloadBody));
  }
  map.finish();
  return payloads;
}

}  // namespace

policy::Inspection read_inspection(MapReader& service, const Values& values) {
  policy::Inspection inspection;
  const std::string what = service.what() + ": ";
  const Node* session = service.take("session");
  const Node* account = service.take("account");
  for (const Node* node : {account, session}) {
    if (node != nullptr) inspection.location = node->location;
  }
  read_wish(service.take("http"), what + "http", values, inspection.http, inspection.location);
  read_wish(service.take("tls"), what + "tls", values, inspection.tls, inspection.location);
  inspection.session = read_session(session, what + "session", values);
  inspection.account = read_account(account, what + "account", values);
  inspection.payloads = read_payloads(service.take("payloads"), what + "payloads", values);
  return inspection;
}

}  // namespace tidegate::config
