// SPDX-License-Identifier: Apache-2.0
// The small languages inside of requests: JSON (against nlohmann's parser), cookies, tokens, forms, targets, addresses.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "agent/inspect/http/http_stream.hpp"
#include "agent/inspect/http/identity.hpp"
#include "agent/inspect/http/json_find.hpp"
#include "agent/inspect/http/message.hpp"
#include "agent/inspect/http/path_template.hpp"
#include "agent/inspect/http/proxied.hpp"
#include "agent/inspect/http/target.hpp"
#include "agent/inspect/model/summary.hpp"

namespace {

using namespace tidegate::inspect;
using Json = nlohmann::json;

// The depth that the finder gives up at.
bool is_shallow(std::string_view text) {
  return std::count(text.begin(), text.end(), '[') + std::count(text.begin(), text.end(), '{') < 60;
}

// Of valid JSON, a member "u" is found as nlohmann finds it.
void check_json(std::string_view text, http::KeptBytes& room) {
  const auto found = http::find_in_json(text, "/u", room);
  if (!is_shallow(text)) return;
  bool repeated = false;
  int names = 0;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::key && depth == 1 && value == "u") repeated |= ++names > 1;
    return true;
  };
  const Json json = Json::parse(text, watch, false);
  if (json.is_discarded() || repeated || !json.is_object() || !json.contains("u")) return;
  const Json& expected = json["u"];
  if (expected.is_string() && (!found || *found != expected.get<std::string>())) std::abort();
  if (expected.is_boolean() && (!found || *found != expected.dump())) std::abort();
  if ((expected.is_structured() || expected.is_null()) && found) std::abort();
}

void check_target(std::string_view text) {
  const http::Target target = http::split_target("GET", text);
  std::string path;
  http::assign_path(path, target.path, kLongestPath);
  std::string made;
  http::make_path_template(path, made);
  std::string again;
  http::make_path_template(made, again);
  std::vector<std::string> keys;
  http::assign_query_keys(keys, target.query);
  if (keys.size() > kMostQueryKeys || made.size() > path.size() + 2 * path.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  MemoryBudget budget(1 << 20);
  {
    http::KeptBytes room(budget);
    check_json(text, room);
    http::cookie_value(text, "sid");
    http::basic_user(text, room);
    http::jwt_claim(text, "sub", room);
    http::form_value(text, "user", false, room);
    http::body_kind(text);
    const std::vector<tidegate::Prefix> proxies = {*tidegate::Prefix::parse("192.0.2.0/24")};
    http::forwarded_for(text, proxies);
    http::forwarded(text, proxies);
    http::parse_request_line(text);
    http::parse_status_line(text);
    http::Framing().add(http::parse_header_line(text));
    const ProxyHeader header = read_proxy_header(std::as_bytes(std::span(data, size)));
    if (header.state == ProxyHeader::State::kThere && header.size > size) std::abort();
    check_target(text);
  }
  if (budget.used() != 0) std::abort();
  return 0;
}
