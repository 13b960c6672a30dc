// SPDX-License-Identifier: Apache-2.0
// SQLite behind values: the only user of sqlite3. State that was acknowledged survives a crash, a full disk and a torn
// write; what went wrong is said in one line with the file's name and the remedy.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/base/error.hpp"

struct sqlite3_stmt;

namespace tidegate {

namespace internal {
struct Connection;
}

// A prepared statement, lent by its database and given back (reset, unbound) at the end of its scope.
// It must not outlive the database. Parameters count from 1, columns from 0. Bound text and bytes are not copied:
// they stay valid until the next step() returned a row for the last time or reset().
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  void bind(int parameter, std::int64_t value);
  void bind(int parameter, std::string_view text);
  void bind_bytes(int parameter, std::span<const unsigned char> bytes);
  void bind_null(int parameter);
  void bind(int parameter, std::optional<std::int64_t> value) {
    value ? bind(parameter, *value) : bind_null(parameter);
  }

  // True: there is a row. False: done.
  Result<bool> step();
  // For what returns no row; ready for the next values afterwards.
  Status run();
  void reset();

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;
  // Valid until the next step() or reset().
  std::string_view text(int column) const;
  std::span<const unsigned char> bytes(int column) const;

 private:
  friend class Database;
  Statement(internal::Connection& connection, std::string_view sql, sqlite3_stmt* handle)
      : connection_(&connection), sql_(sql), handle_(handle) {}

  internal::Connection* connection_;
  std::string_view sql_;
  sqlite3_stmt* handle_;
};

// One connection. Not thread-safe: keep it in a Guarded<>.
class Database {
 public:
  struct Settings {
    std::filesystem::path file;
    // Version n of the schema is reached by the first n scripts; a file of a newer version is refused.
    std::span<const char* const> migrations;
    int page_cache_kib = 2048;
    bool check_integrity = true;             // reads the whole file once (about 1 s at 1M decisions)
    bool read_only = false;                  // never writes; the file must exist
    std::optional<std::int64_t> most_pages;  // tests: SQLITE_FULL at this size
  };

  // WAL, synchronous=FULL: a commit that returned is on disk.
  // Errors: kDataLoss (damaged, or of a newer version), kResourceExhausted (disk full), kPermissionDenied.
  static Result<Database> open(const Settings& settings);
  Database(Database&& other) noexcept;
  Database& operator=(Database&&) = delete;
  ~Database();

  // `sql` must be a literal: it is the key of the cache of prepared statements.
  Result<Statement> prepare(std::string_view sql);
  Status execute(const char* sql);
  // Rows that the last INSERT, UPDATE or DELETE touched.
  std::int64_t changes() const;

  // A transaction around `body` (a callable that returns Status): committed and synced when it succeeds, otherwise
  // rolled back and nothing has changed. Not nested.
  template <typename Body>
  Status transaction(Body&& body) {
    TIDEGATE_TRY(execute("BEGIN IMMEDIATE"));
    Status status = body();
    if (status) status = execute("COMMIT");
    if (!status) roll_back();
    return status;
  }

  // Reads of one moment, and much faster than one by one: the locks are taken once. `body` does not write.
  template <typename Body>
  Status read(Body&& body) {
    TIDEGATE_TRY(execute("BEGIN"));
    Status status = body();
    roll_back();
    return status;
  }

  // Room for pages that a bulk change touches again and again; given back by shrink().
  Status enlarge_cache(int kib);
  // Copies the WAL into the file and truncates it, gives memory back. Best effort: a reader or a full disk may be in
  // the way; what is in the WAL is safe there.
  void checkpoint_and_shrink();

  const std::filesystem::path& file() const;

 private:
  explicit Database(std::unique_ptr<internal::Connection> connection);

  static Result<Database> connect(const Settings& settings, int open_flags = 0);
  static Status create(const Settings& settings);
  Status configure(const Settings& settings);
  Status check_integrity();
  Status migrate(std::span<const char* const> migrations);
  Result<std::int64_t> integer_of(std::string_view sql);
  void roll_back();

  std::unique_ptr<internal::Connection> connection_;
};

}  // namespace tidegate
