// SPDX-License-Identifier: Apache-2.0
// The sections `keys` and `inspect` of the settings, and the paths in them.
#pragma once

#include <filesystem>
#include <string>

#include "agent/config/settings.hpp"
#include "agent/config/values.hpp"

namespace tidegate::config {

// Absolute paths; the second kind also has to fit into a socket address.
void read_path(const Node* node, const std::string& what, const Values& values, std::filesystem::path& path);
void read_socket_path(const Node* node, const std::string& what, const Values& values, std::filesystem::path& path);

void read_keys(const Node* node, const Values& values, KeySettings& keys);
void read_inspect(const Node* node, const Values& values, InspectSettings& inspect);

}  // namespace tidegate::config
