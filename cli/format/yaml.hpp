// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tidegate::cli {

// Block-style YAML 1.2 of a document, ending in a newline. Strings that could be read as anything else are quoted.
std::string to_yaml(const nlohmann::ordered_json& document);

}  // namespace tidegate::cli
