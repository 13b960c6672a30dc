// SPDX-License-Identifier: Apache-2.0
#include "agent/main/check.hpp"

#include <iostream>

#include "agent/config/check.hpp"
#include "agent/config/text_file.hpp"
#include "agent/openapi/load.hpp"

namespace tidegate {
namespace {

void print(const std::filesystem::path& file, const std::vector<policy::Issue>& issues) {
  for (const auto& issue : issues) std::cerr << config::format_issue(file.string(), issue) << '\n';
}

}  // namespace

std::optional<config::Settings> load_settings(const Arguments& arguments) {
  const auto text = config::read_text_file(arguments.config);
  if (!text) {
    std::cerr << "tidegated: " << text.error().message << '\n';
    return std::nullopt;
  }
  auto parsed = config::read_settings(*text);
  print(arguments.config, parsed.issues);
  if (!parsed.valid()) return std::nullopt;
  return std::move(parsed.settings);
}

int check_only(const config::Settings& settings) {
  const auto text = config::read_text_file(settings.policy);
  if (!text) {
    std::cerr << "tidegated: " << text.error().message << '\n';
    return 1;
  }
  auto policy = config::check_policy(*text, {.bucket_ways = settings.tables.buckets, .extra_safelist = {}});
  if (policy.valid()) {
    for (auto& issue : openapi::load(policy.policy, settings.policy.parent_path())) {
      policy.issues.push_back(std::move(issue));
    }
  }
  print(settings.policy, policy.issues);
  for (const auto& name : policy.policy.not_enforced) {
    std::cerr << settings.policy.string() << ": " << name << " is not enforced by this version\n";
  }
  return policy.valid() ? 0 : 1;
}

}  // namespace tidegate
