// SPDX-License-Identifier: Apache-2.0
#include "agent/config/inspection_reader.hpp"

#include "agent/config/service_reader.hpp"

namespace tidegate::config {
namespace {

void read_tls(const Node& node, const std::string& what, const Values& values) {
  MapReader map(node, what, values.report());
  values.boolean(map.take("inspect"), what + " inspect");
  map.finish();
}

// Exactly one of the ways in which a value is found in a request.
void check_only_one(const Node& node, const std::string& what, std::string_view ways, const Values& values) {
  if (!node.is_map() || node.members.size() == 1) return;
  values.error(node.location, what + " has to name exactly one of " + std::string(ways));
}

void read_session(const Node& node, const std::string& what, const Values& values) {
  MapReader map(node, what, values.report());
  for (const char* way : {"cookie", "header", "jwt_claim"}) values.text(map.take(way), what + " " + way);
  map.finish();
  check_only_one(node, what, "cookie, header and jwt_claim", values);
}

void read_account(const Node& node, const std::string& what, const Values& values) {
  MapReader map(node, what, values.report());
  const Node* json = map.take("json");
  const auto pointer = values.text(json, what + " json");
  if (pointer && !pointer->starts_with('/')) {
    values.error(json->location,
                 what + ": " + policy::in_quotes(*pointer) + " is no JSON pointer (RFC 6901); it begins with '/'");
  }
  values.text(map.take("form"), what + " form");
  values.text(map.take("jwt_claim"), what + " jwt_claim");
  const Node* basic = map.take("basic");
  if (const auto value = values.boolean(basic, what + " basic"); value && !*value) {
    values.error(basic->location, what + " basic can only be true; leave it out otherwise");
  }
  map.finish();
  check_only_one(node, what, "json, form, basic and jwt_claim", values);
}

}  // namespace

void read_inspection(MapReader& service, const std::string& name, const Values& values, policy::Policy& policy) {
  struct Part {
    const char* key;
    void (*read)(const Node&, const std::string&, const Values&);
  };
  for (const Part& part : {Part{"tls", read_tls}, Part{"session", read_session}, Part{"account", read_account}}) {
    const Node* node = service.take(part.key);
    if (node == nullptr) continue;
    part.read(*node, service.what() + ": " + part.key, values);
    const std::string path = "services." + name + "." + part.key;
    keep_section(path, *node, policy);
    policy.not_enforced.push_back(path);
  }
}

}  // namespace tidegate::config
