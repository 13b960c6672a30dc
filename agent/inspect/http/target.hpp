// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidegate::inspect::http {

// A request target in any of its four forms (RFC 9112, 3.2), taken apart. Views into what was given.
struct Target {
  std::string_view authority;  // as sent, see host_of(); empty: the form has none
  std::string_view path;       // empty for CONNECT
  std::string_view query;      // without "?"
};
Target split_target(std::string_view method, std::string_view target);

// Host and port of what a peer gives for an authority: without "user:password@", and up to what belongs to neither, so
// that no path or query is taken for a host. Empty: it cannot be told apart.
std::string_view host_of(std::string_view authority);

// The path as it may be shown: the value of ";jsessionid=" is left out, because it is a cookie by other means (Servlet
// 6.0, 7.1.3). At most `bound` bytes; false: it was longer.
bool assign_path(std::string& to, std::string_view path, std::size_t bound);

// The names of a query, each once, in the order of their first appearance. A name made by a machine (is_identifier())
// is given as "{}", since it may be a value; what has no "=" is a name only if it looks like one: at most 32 of
// [A-Za-z0-9_.-[]], and not made by a machine. False: there were more than kMostQueryKeys, or one was longer than
// kLongestQueryKey.
bool assign_query_keys(std::vector<std::string>& to, std::string_view query);

}  // namespace tidegate::inspect::http
