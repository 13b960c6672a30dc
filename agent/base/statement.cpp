// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

#include <utility>

#include "agent/base/database.hpp"
#include "agent/base/sqlite_connection.hpp"

namespace tidegate {

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_), sql_(other.sql_), handle_(std::exchange(other.handle_, nullptr)) {}

Statement::~Statement() {
  if (handle_ != nullptr) connection_->give_back(sql_, handle_);
}

// A failed bind (a wrong index) is a bug of ours; the step that follows reports what became of it.
void Statement::bind(int parameter, std::int64_t value) { sqlite3_bind_int64(handle_, parameter, value); }

void Statement::bind(int parameter, std::string_view text) {
  sqlite3_bind_text64(handle_, parameter, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
}

void Statement::bind_bytes(int parameter, std::span<const unsigned char> bytes) {
  sqlite3_bind_blob64(handle_, parameter, bytes.data(), bytes.size(), SQLITE_STATIC);
}

void Statement::bind_null(int parameter) { sqlite3_bind_null(handle_, parameter); }

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  auto error = connection_->failure(code);
  sqlite3_reset(handle_);
  return error;
}

Status Statement::run() {
  const int code = sqlite3_step(handle_);
  if (code != SQLITE_DONE && code != SQLITE_ROW) {
    auto error = connection_->failure(code);
    sqlite3_reset(handle_);
    return error;
  }
  sqlite3_reset(handle_);
  return {};
}

void Statement::reset() { sqlite3_reset(handle_); }

bool Statement::is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

std::string_view Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return data == nullptr ? std::string_view{} : std::string_view(data, sqlite3_column_bytes(handle_, column));
}

std::span<const unsigned char> Statement::bytes(int column) const {
  const auto* data = static_cast<const unsigned char*>(sqlite3_column_blob(handle_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

}  // namespace tidegate
