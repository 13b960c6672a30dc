// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/target.hpp"

#include <algorithm>
#include <array>

#include "agent/inspect/http/path_template.hpp"
#include "agent/inspect/http/text.hpp"
#include "agent/inspect/model/summary.hpp"

namespace tidegate::inspect::http {
namespace {

constexpr std::size_t kNone = std::string_view::npos;
constexpr std::size_t kLongestBareKey = 32;
constexpr std::string_view kSessionParameter = ";jsessionid=";

// Takes "scheme://authority" off the front of an absolute-form target.
std::string_view take_authority(std::string_view& target) {
  const std::size_t scheme = target.find("://");
  if (scheme == kNone || target.find_first_of("/?#") < scheme) return {};
  target.remove_prefix(scheme + 3);
  const std::string_view authority = target.substr(0, target.find_first_of("/?#"));
  target.remove_prefix(authority.size());
  return authority;
}

// Of a host name, an address in brackets, and a port (RFC 3986, 3.2.2 and 3.2.3), as far as anybody uses them.
constexpr auto kHostChars = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    const char one = static_cast<char>(c);
    table[c] = is_digit(one) || is_letter(one) || std::string_view("-._~:[]%").find(one) != kNone;
  }
  return table;
}();

bool is_bare_key(std::string_view item) {
  const auto fits = [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view("_.-[]").find(c) != std::string_view::npos;
  };
  return item.size() <= kLongestBareKey && std::ranges::all_of(item, fits);
}

// Where the value of the session parameter begins; kNone: there is none.
std::size_t session_value(std::string_view path) {
  for (std::size_t at = path.find(';'); at != kNone; at = path.find(';', at + 1)) {
    if (equals_any_case(path.substr(at, kSessionParameter.size()), kSessionParameter)) {
      return at + kSessionParameter.size();
    }
  }
  return kNone;
}

}  // namespace

std::string_view host_of(std::string_view authority) {
  std::size_t size = 0;
  while (size < authority.size() && kHostChars[static_cast<unsigned char>(authority[size])]) ++size;
  if (size == authority.size()) return authority;
  const std::size_t at = authority.rfind('@');
  if (at == kNone) return authority.substr(0, size);
  // What stands before an "@" may be a password, what stands behind a path or query a value.
  return authority.find_first_of("/?#") < at ? std::string_view() : host_of(authority.substr(at + 1));
}

Target split_target(std::string_view method, std::string_view target) {
  if (method == "CONNECT") return {target, {}, {}};
  Target result;
  if (!target.starts_with('/')) result.authority = take_authority(target);
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  result.path = target.substr(0, question);
  if (result.path.empty()) result.path = "/";
  if (question != kNone) result.query = target.substr(question + 1);
  return result;
}

bool assign_path(std::string& to, std::string_view path, std::size_t bound) {
  to.clear();
  while (true) {
    const std::size_t value = session_value(path);
    to.append(path.substr(0, value));
    if (value == kNone) break;
    path.remove_prefix(value);
    path.remove_prefix(std::min(path.size(), path.find_first_of(";/")));
  }
  if (to.size() <= bound) return true;
  to.resize(bound);
  return false;
}

bool assign_query_keys(std::vector<std::string>& to, std::string_view query) {
  to.clear();
  bool complete = true;
  while (!query.empty()) {
    std::string_view item = take_until(query, '&');
    const std::size_t equals = item.find('=');
    if (item.empty() || equals == 0 || (equals == kNone && !is_bare_key(item))) continue;
    std::string_view name = item.substr(0, equals);
    if (equals == kNone && is_identifier(name)) continue;
    if (name.size() > kLongestQueryKey) complete = false;
    if (is_identifier(name)) name = "{}";
    if (std::ranges::find(to, name) != to.end()) continue;
    if (to.size() == kMostQueryKeys) return false;
    to.emplace_back(name);
  }
  return complete;
}

}  // namespace tidegate::inspect::http
