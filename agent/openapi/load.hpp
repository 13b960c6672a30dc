// SPDX-License-Identifier: Apache-2.0
// The descriptions that a policy names.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/base/error.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::openapi {

// The text of a file, at most kMostText bytes.
using ReadFile = std::function<Result<std::string>(const std::filesystem::path&)>;

// Reads what the services' `openapi` names, relative names from `directory`, and hangs the documents into the services;
// a service whose file cannot be read, is no description or is too much is left without. What is wrong or not judged is
// told at the place in the policy, with file, line and column of the description in the message.
std::vector<policy::Issue> load(policy::Policy& policy, const std::filesystem::path& directory,
                                const ReadFile& read_file);
// Likewise from the file system.
std::vector<policy::Issue> load(policy::Policy& policy, const std::filesystem::path& directory);

// What the operations of each service with a description are called, in the order of Summary::api_operation.
std::map<std::string, std::vector<std::string>, std::less<>> operation_names(const policy::Policy& policy);

// One line for each service whose file now differs from what `load` took from it, or can no longer be read.
std::vector<std::string> differences(const policy::Policy& policy, const ReadFile& read_file);
std::vector<std::string> differences(const policy::Policy& policy);

}  // namespace tidegate::openapi
