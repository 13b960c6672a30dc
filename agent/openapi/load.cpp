// SPDX-License-Identifier: Apache-2.0
#include "agent/openapi/load.hpp"

#include <algorithm>
#include <map>

#include "agent/config/text_file.hpp"
#include "agent/inspect/wire/api_codec.hpp"
#include "agent/openapi/document.hpp"
#include "agent/policy/report.hpp"

namespace tidegate::openapi {
namespace {

using std::filesystem::path;

Result<std::string> from_disk(const path& file) { return config::read_text_file(file, kMostText); }

// The documents of one policy together are bounded as well.
class Loader {
 public:
  Loader(path directory, const ReadFile& read_file) : directory_(std::move(directory)), read_file_(read_file) {}

  void load(policy::ApiSource& source, const std::string& service) {
    const path file = path(source.file).is_absolute() ? path(source.file) : directory_ / source.file;
    const std::size_t before = issues_.size();
    source.document = known(file, source.location, "service " + service + ": openapi: ");
    if (source.document) source.edition = source.document->digest;
    if (source.document) return;
    source.problem = file.string() + " cannot be used";
    for (std::size_t i = before; i < issues_.size(); ++i) {
      if (issues_[i].warning) continue;
      source.problem = issues_[i].message;
      break;
    }
  }

  std::vector<policy::Issue> take() && { return std::move(issues_); }

 private:
  std::shared_ptr<const Document> known(const path& file, policy::Location place, const std::string& before) {
    const auto [entry, fresh] = documents_.try_emplace(file.string());
    if (fresh) entry->second = read(file, place, before);
    return entry->second;
  }

  std::shared_ptr<const Document> read(const path& file, policy::Location place, const std::string& before) {
    const auto text = read_file_(file);
    if (!text) return fail(place, before + text.error().message);
    Reading reading = read_document(*text);
    for (const policy::Issue& issue : reading.issues) {
      const std::string where = issue.location.line == 0 ? "" : ":" + to_string(issue.location);
      issues_.push_back({place, before + file.string() + where + ": " + issue.message, issue.warning});
    }
    if (!reading.document) return nullptr;
    bytes_ += inspect::wire::bytes_of(*reading.document->api);
    patterns_ += reading.document->api->patterns.size();
    if (bytes_ > inspect::kMostApiBytes || patterns_ > inspect::kMostApiPatterns) {
      return fail(place, before + "the descriptions of this policy are together more than the inspector takes (" +
                             std::to_string(inspect::kMostApiBytes >> 20) + " MiB compiled, " +
                             std::to_string(inspect::kMostApiPatterns) + " different patterns)");
    }
    auto document = std::make_shared<Document>(*reading.document);
    document->file = file.string();
    return document;
  }

  std::shared_ptr<const Document> fail(policy::Location place, const std::string& message) {
    issues_.push_back({place, policy::printable(message), false});
    return nullptr;
  }

  const path directory_;
  const ReadFile& read_file_;
  std::map<std::string, std::shared_ptr<const Document>> documents_;
  std::vector<policy::Issue> issues_;
  std::size_t bytes_ = 0;
  std::size_t patterns_ = 0;
};

}  // namespace

std::vector<policy::Issue> load(policy::Policy& policy, const path& directory, const ReadFile& read_file) {
  Loader loader(directory, read_file);
  for (policy::Service& service : policy.services) {
    if (service.openapi) loader.load(*service.openapi, service.name);
  }
  return std::move(loader).take();
}

std::vector<policy::Issue> load(policy::Policy& policy, const path& directory) {
  return load(policy, directory, from_disk);
}

std::map<std::string, std::vector<std::string>, std::less<>> operation_names(const policy::Policy& policy) {
  std::map<std::string, std::vector<std::string>, std::less<>> names;
  for (const policy::Service& service : policy.services) {
    if (!service.openapi || !service.openapi->document) continue;
    for (const Operation& operation : service.openapi->document->operations)
      names[service.name].push_back(operation.name);
  }
  return names;
}

std::vector<std::string> differences(const policy::Policy& policy, const ReadFile& read_file) {
  std::map<std::string, std::string> problems;  // by file
  for (const policy::Service& service : policy.services) {
    if (!service.openapi || !service.openapi->document) continue;
    const Document& document = *service.openapi->document;
    if (problems.contains(document.file)) continue;
    const auto text = read_file(document.file);
    const bool same = text && digest_of(*text) == document.digest;
    if (same) continue;
    problems[document.file] =
        "service " + service.name + ": " +
        (text ? document.file + " differs from the description in force; `tidegate policy apply` takes it anew"
              : "the description in force stays, but its file is gone: " + text.error().message);
  }
  std::vector<std::string> lines;
  for (auto& [file, line] : problems) lines.push_back(std::move(line));
  return lines;
}

std::vector<std::string> differences(const policy::Policy& policy) { return differences(policy, from_disk); }

}  // namespace tidegate::openapi
