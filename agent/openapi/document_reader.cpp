// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>

#include "agent/base/siphash.hpp"
#include "agent/config/document.hpp"
#include "agent/openapi/document.hpp"
#include "agent/openapi/parameter_reader.hpp"
#include "agent/openapi/path_template.hpp"
#include "agent/openapi/servers.hpp"

namespace tidegate::openapi {
namespace {

using inspect::ApiOperation;
using policy::in_quotes;
using Texts = std::vector<std::string>;

struct Method {
  std::string_view key;
  std::string_view name;
};
constexpr std::array<Method, 8> kMethods{{{"get", "GET"},
                                          {"put", "PUT"},
                                          {"post", "POST"},
                                          {"delete", "DELETE"},
                                          {"options", "OPTIONS"},
                                          {"head", "HEAD"},
                                          {"patch", "PATCH"},
                                          {"trace", "TRACE"}}};

bool is_extension(std::string_view key) { return key.starts_with("x-"); }

// Parameters of a path, and of an operation on top of them, by place and name.
using Parameters = std::map<std::pair<std::string, std::string>, const Parameter*>;

class Reader {
 public:
  Reader(const Node& root, policy::Report& report, bool siblings)
      : root_(root),
        report_(report),
        references_(root, report),
        schemas_(references_, notes_, report, api_, siblings),
        parameters_(references_, schemas_, notes_, report, api_) {}

  void read(Document& document) {
    bases_ = base_paths(find(root_, "servers"), notes_, report_);
    read_security();
    const Node* paths = find(root_, "paths");
    if (paths != nullptr && !paths->is_map() && !paths->is_null())
      report_.error(paths->location, "paths has to be a map, for example {/users: {get: {}}}");
    if (paths != nullptr) {
      for (const config::Member& member : paths->members) read_path(member, document);
    }
    if (document.operations.empty() && !report_.failed())
      report_.error(root_.location, "the description has no operation");
    notes_.put_into(report_);
    document.api = std::make_shared<const inspect::ApiDescription>(std::move(api_));
  }

 private:
  // Keys that authenticate may stand in the query of any operation.
  void read_security() {
    const Node* components = find(root_, "components");
    const Node* schemes = components == nullptr ? nullptr : find(*components, "securitySchemes");
    if (schemes == nullptr) return;
    for (const config::Member& member : schemes->members) {
      const Node* scheme = references_.follow(member.value);
      if (scheme == nullptr || text_at(*scheme, "type") != "apiKey" || text_at(*scheme, "in") != "query") continue;
      const std::string_view name = text_at(*scheme, "name");
      const bool room = api_.query_keys.size() < inspect::kMostQueryParameters;
      if (room && !name.empty() && name.size() <= inspect::kLongestApiText) api_.query_keys.emplace_back(name);
    }
  }

  void read_path(const config::Member& member, Document& document) {
    if (is_extension(member.key.text)) return;
    std::string path = member.key.text;
    if (const std::size_t end = path.find_first_of("?#"); end != path.npos) {
      notes_.add("what follows a '?' or '#' in a path", member.key.location);
      path.resize(end);
    }
    const auto parsed = parse_template(path, true);
    if (!parsed) {
      report_.error(member.key.location, "path " + in_quotes(path) +
                                             " has to begin with '/', have pairs of braces with a name inside, and at "
                                             "most 64 segments of 16 parts and 1024 bytes");
      return;
    }
    const Node* item = references_.follow(member.value);
    if (item == nullptr || item->is_null()) return;
    if (!item->is_map()) return report_.error(item->location, "path " + in_quotes(path) + " has to be a map");
    Parameters shared;
    read_parameters(find(*item, "parameters"), shared);
    Texts bases = find(*item, "servers") == nullptr ? bases_ : base_paths(find(*item, "servers"), notes_, report_);
    std::vector<std::uint32_t> operations;
    for (const Method& method : kMethods) {
      const Node* found = find(*item, method.key);
      if (found == nullptr) continue;
      if (const std::uint32_t index = read_operation(*found, method, path, *parsed, shared, document))
        operations.push_back(index);
      if (const Node* servers = find(*found, "servers")) add_bases(*servers, bases);
    }
    add_paths(path, bases, operations, member.key.location);
  }

  // Those of one operation are taken for the whole path: more is allowed then, never less.
  void add_bases(const Node& servers, Texts& bases) {
    for (std::string& base : base_paths(&servers, notes_, report_)) {
      if (std::ranges::find(bases, base) == bases.end()) bases.push_back(std::move(base));
    }
  }

  void add_paths(const std::string& path, const Texts& bases, const std::vector<std::uint32_t>& operations,
                 policy::Location location) {
    if (operations.empty()) return;
    for (const std::string& base : bases) {
      // Variables of a base take anything; those of the path are numbered as without it.
      auto whole = parse_template(path, true);
      if (!base.empty()) {
        const auto before = parse_template(base, false);
        if (!before || before->segments.size() + whole->segments.size() > inspect::kMostSegments) {
          notes_.add("a server with the path " + in_quotes(base), location);
          continue;
        }
        whole->segments.insert(whole->segments.begin(), before->segments.begin(), before->segments.end());
      }
      if (api_.paths.size() + 2 > inspect::kMostApiPaths) {
        report_.error(location, "more than " + std::to_string(inspect::kMostApiPaths) +
                                    " paths, counted for each different path of servers");
        return;
      }
      api_.paths.push_back({whole->segments, operations});
      // "/" below "/v1" is "/v1/", and to most servers and authors "/v1" as well.
      if (path != "/" || base.empty()) continue;
      whole->segments.pop_back();
      api_.paths.push_back({std::move(whole->segments), operations});
    }
  }

  void read_parameters(const Node* list, Parameters& into) {
    if (list == nullptr) return;
    if (!list->is_sequence()) return report_.error(list->location, "parameters has to be a list");
    for (const Node& item : list->items) {
      const Parameter* parameter = parameters_.read(item);
      if (parameter != nullptr) into[{parameter->in, parameter->name}] = parameter;
    }
  }

  // The index of the operation, from 1; 0: it cannot be read.
  std::uint32_t read_operation(const Node& node, const Method& method, const std::string& path,
                               const PathTemplate& parsed, const Parameters& shared, Document& document) {
    if (!node.is_map() && !node.is_null()) {
      report_.error(node.location, std::string(method.key) + " of " + in_quotes(path) + " has to be a map");
      return 0;
    }
    if (document.operations.size() >= inspect::kMostOperations) {
      report_.error(node.location, "more than " + std::to_string(inspect::kMostOperations) + " operations");
      return 0;
    }
    Parameters parameters = shared;
    read_parameters(find(node, "parameters"), parameters);
    ApiOperation operation{.method = std::string(method.name),
                           .deprecated = is_true(find(node, "deprecated")),
                           .any_query = false,
                           .path = std::vector<std::uint32_t>(parsed.variables.size()),
                           .query = {}};
    for (const auto& [place, parameter] : parameters) place_parameter(*parameter, parsed, operation, node.location);
    for (std::size_t i = 0; i < operation.path.size(); ++i) {
      if (operation.path[i] == 0) notes_.add("a path parameter that is not described", node.location);
    }
    const std::string_view id = text_at(node, "operationId");
    document.operations.push_back({.name = id.empty() ? operation.method + " " + path : std::string(id.substr(0, 256)),
                                   .method = operation.method,
                                   .path = path,
                                   .deprecated = operation.deprecated});
    api_.operations.push_back(std::move(operation));
    return static_cast<std::uint32_t>(api_.operations.size());
  }

  void place_parameter(const Parameter& parameter, const PathTemplate& parsed, ApiOperation& operation,
                       policy::Location location) {
    if (parameter.in == "path") {
      const auto variable = std::ranges::find(parsed.variables, parameter.name);
      if (variable == parsed.variables.end()) {
        notes_.add("a path parameter that the path does not have", location);
      } else {
        operation.path[static_cast<std::size_t>(variable - parsed.variables.begin())] = parameter.index;
      }
      return;
    }
    operation.any_query = operation.any_query || parameter.any_query;
    add_query(parameter.index, operation, location);
    for (const std::string& key : parameter.keys) add_query(parameters_.key(key), operation, location);
  }

  void add_query(std::uint32_t index, ApiOperation& operation, policy::Location location) {
    if (index == 0) return;
    if (operation.query.size() < inspect::kMostQueryParameters) return operation.query.push_back(index);
    notes_.add("query parameters beyond the first 128 of an operation, and which keys are undeclared there", location);
    operation.any_query = true;
  }

  const Node& root_;
  policy::Report& report_;
  Notes notes_;
  inspect::ApiDescription api_;
  References references_;
  SchemaCompiler schemas_;
  ParameterReader parameters_;
  Texts bases_;
};

// 3.0 or 3.1; "" is reported.
std::string_view version_of(const Node& root, policy::Report& report) {
  const Node* version = find(root, "openapi");
  if (version != nullptr && version->text.starts_with("3.0")) return "3.0";
  if (version != nullptr && version->text.starts_with("3.1")) return "3.1";
  if (find(root, "swagger") != nullptr) {
    report.error(root.location, "this is a description of Swagger 2.0; convert it to OpenAPI 3.0 or 3.1");
  } else if (version != nullptr) {
    report.error(version->location,
                 "version " + in_quotes(version->text) + " of OpenAPI is not known here, 3.0 and 3.1 are");
  } else {
    report.error(root.location, "this is no OpenAPI document: it has no `openapi: 3.0.3` or `openapi: 3.1.0`");
  }
  return {};
}

}  // namespace

std::string digest_of(const std::string& text) {
  constexpr std::size_t kDigits = 16;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::uint64_t hash = SipHash(0, 0).value(std::as_bytes(std::span(text)));
  std::string digest(kDigits, '0');
  for (std::size_t i = kDigits; i-- > 0; hash >>= 4) digest[i] = kHex[hash & 0xf];
  return digest;
}

Reading read_document(const std::string& text) {
  policy::Report report;
  auto document = std::make_shared<Document>();
  const Node root = config::read_document(
      text, report, {.text = kMostText, .nodes = kMostNodes, .depth = kMostDepth, .remedy = "; leave out examples"});
  if (!report.failed() && !root.is_map()) report.error({1, 1}, "this is no OpenAPI document: it is no map");
  if (!report.failed()) {
    const std::string_view version = version_of(root, report);
    if (!report.failed()) Reader(root, report, version == "3.1").read(*document);
  }
  document->digest = digest_of(text);
  Reading reading;
  if (!report.failed()) reading.document = std::move(document);
  reading.issues = std::move(report).take();
  return reading;
}

}  // namespace tidegate::openapi
