// SPDX-License-Identifier: Apache-2.0
// Inside tidegate_database only: the connection and how its errors are said.
#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <string_view>
#include <unordered_map>

#include "agent/base/error.hpp"

namespace tidegate::internal {

struct Connection {
  std::filesystem::path file;
  sqlite3* handle = nullptr;
  std::unordered_map<std::string_view, sqlite3_stmt*> idle;  // prepared statements that nobody uses now

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Keeps it for the next prepare() of the same text; finalizes it when there is one already.
  void give_back(std::string_view sql, sqlite3_stmt* statement);

  // What the last call on this connection, which returned `code`, means to a person.
  std::unexpected<Error> failure(int code) const;
};

std::unexpected<Error> damaged(const std::filesystem::path& file, std::string_view how);

}  // namespace tidegate::internal
