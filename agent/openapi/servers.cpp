// SPDX-License-Identifier: Apache-2.0
#include "agent/openapi/servers.hpp"

#include <algorithm>

namespace tidegate::openapi {
namespace {

using Texts = std::vector<std::string>;

// What a variable may stand for, itself included where it may be anything.
Texts values_of(const Node* variable, const std::string& itself) {
  Texts values;
  const Node* list = variable == nullptr ? nullptr : find(*variable, "enum");
  if (list != nullptr && list->is_sequence() && !list->items.empty()) {
    for (const Node& value : list->items) values.push_back(value.text);
    return values;
  }
  values.push_back(itself);
  const Node* normal = variable == nullptr ? nullptr : find(*variable, "default");
  if (normal != nullptr && normal->is_scalar()) values.push_back(normal->text);
  return values;
}

// The URL with every variable replaced, in all ways that there are; more than kMostBases: those that came first.
Texts expand(const std::string& url, const Node* variables) {
  Texts open{""};
  std::string_view left = url;
  while (!left.empty()) {
    const std::size_t brace = std::min(left.find('{'), left.size());
    const std::size_t end = left.find('}', brace);
    for (std::string& text : open) text += left.substr(0, end == left.npos ? left.size() : brace);
    if (end == left.npos) break;
    const std::string name(left.substr(brace + 1, end - brace - 1));
    const Texts values = values_of(variables == nullptr ? nullptr : find(*variables, name), "{" + name + "}");
    Texts next;
    for (const std::string& text : open) {
      for (const std::string& value : values) {
        if (next.size() < kMostBases) next.push_back(text + value);
      }
    }
    open = std::move(next);
    left.remove_prefix(end + 1);
  }
  return open;
}

// "https://host/v1/" -> "/v1"
std::string path_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const bool has_host = scheme != url.npos || url.starts_with("//");
  if (has_host) {
    url.remove_prefix(scheme == url.npos ? 2 : scheme + 3);
    const std::size_t slash = url.find('/');
    url = slash == url.npos ? std::string_view() : url.substr(slash);
  }
  url = url.substr(0, url.find_first_of("?#"));
  while (url.starts_with("./")) url.remove_prefix(2);
  if (url == ".") url = {};
  while (url.ends_with('/')) url.remove_suffix(1);
  return url.empty() || url.starts_with('/') ? std::string(url) : "/" + std::string(url);
}

}  // namespace

std::vector<std::string> base_paths(const Node* servers, Notes& notes, policy::Report& report) {
  Texts bases;
  if (servers != nullptr && !servers->is_sequence())
    report.error(servers->location, "servers has to be a list, for example [{url: /v1}]");
  if (servers != nullptr) {
    for (const Node& server : servers->items) {
      for (const std::string& url : expand(std::string(text_at(server, "url")), find(server, "variables"))) {
        const std::string path = path_of(url);
        if (std::ranges::find(bases, path) != bases.end()) continue;
        if (bases.size() == kMostBases) {
          notes.add("servers with more than 16 different paths", server.location);
          return bases;
        }
        bases.push_back(path);
      }
    }
  }
  if (bases.empty()) bases.emplace_back();
  return bases;
}

}  // namespace tidegate::openapi
