// SPDX-License-Identifier: Apache-2.0
#include "agent/base/sqlite_connection.hpp"

#include <cerrno>
#include <string>
#include <system_error>

namespace tidegate::internal {
namespace {

bool is_full(int code, int error_number) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  // The files beside the database (-wal, -shm) meet a full disk as an I/O error or as "cannot open".
  const bool of_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
  return of_system && (error_number == ENOSPC || error_number == EDQUOT);
}

std::unexpected<Error> full(const std::filesystem::path& file) {
  return fail(ErrorCode::kResourceExhausted,
              "state directory " + file.parent_path().string() +
                  ": disk full; nothing was changed; free some space there and try again");
}

std::unexpected<Error> not_writable(const std::filesystem::path& file, const std::string& cause) {
  return fail(ErrorCode::kPermissionDenied,
              "cannot open or write " + file.string() + ": " + cause +
                  "; make it and its directory writable for the user that runs tidegated");
}

std::string cause_of(int code, int error_number) {
  if (error_number != 0) return std::generic_category().message(error_number);
  return sqlite3_errstr(code);
}

}  // namespace

Connection::~Connection() {
  for (const auto& [sql, statement] : idle) sqlite3_finalize(statement);
  sqlite3_close(handle);
}

void Connection::give_back(std::string_view sql, sqlite3_stmt* statement) {
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (!idle.emplace(sql, statement).second) sqlite3_finalize(statement);
}

std::unexpected<Error> damaged(const std::filesystem::path& file, std::string_view how) {
  const std::string name = file.string();
  return fail(ErrorCode::kDataLoss, name + " is damaged (" + std::string(how) +
                                        "); it is kept as it is; stop tidegated, then save what can be read as "
                                        "docs/decisions.md shows, or move " +
                                        name + "* away to begin anew");
}

std::unexpected<Error> Connection::failure(int code) const {
  const int error_number = handle == nullptr ? 0 : sqlite3_system_errno(handle);
  if (is_full(code, error_number)) return full(file);
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return damaged(file, sqlite3_errstr(code));
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return not_writable(file, cause_of(code, error_number));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(ErrorCode::kUnavailable, file.string() + " is locked by another process; try again");
    case SQLITE_NOMEM:
      return fail(ErrorCode::kResourceExhausted, file.string() + ": out of memory; nothing was changed");
    case SQLITE_IOERR:
      return fail(ErrorCode::kUnavailable,
                  file.string() + ": " + cause_of(code, error_number) + "; nothing was changed; check the disk");
    default:
      break;
  }
  const char* text = handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle);
  return fail(ErrorCode::kInternal, file.string() + ": " + text);
}

}  // namespace tidegate::internal
