// SPDX-License-Identifier: Apache-2.0
#include "agent/base/database.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <string>
#include <utility>

#include "agent/base/sqlite_connection.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate {
namespace {

using internal::Connection;

constexpr int kBusyMilliseconds = 10'000;

// What every connection of ours wants. FULL: a commit returns when the WAL is on disk. secure_delete would write every
// removed row once more. Temporary tables in memory: the service may write nowhere but in its state directory.
constexpr const char* kConfiguration =
    "PRAGMA synchronous=FULL; PRAGMA secure_delete=OFF; PRAGMA temp_store=MEMORY;"
    "PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF; PRAGMA wal_autocheckpoint=1000;"
    "PRAGMA journal_size_limit=8388608";

// SQLite's count of its memory takes a lock at every allocation; nobody reads it. Must precede its first use.
void configure_library() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

Status sync_directory(const std::filesystem::path& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return fail_errno(errno, "cannot sync " + directory.string());
  return {};
}

void remove_with_companions(const std::filesystem::path& file) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(file.string() + suffix, ignored);
}

}  // namespace

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::Database(Database&& other) noexcept = default;
Database::~Database() = default;

const std::filesystem::path& Database::file() const { return connection_->file; }

Result<Database> Database::open(const Settings& settings) {
  std::error_code ignored;
  if (!std::filesystem::exists(settings.file, ignored) && !settings.read_only) TIDEGATE_TRY(create(settings));
  // SQLite takes an empty file for a new database; ours are never empty, so that would lose everything silently.
  if (std::filesystem::file_size(settings.file, ignored) == 0) return internal::damaged(settings.file, "it is empty");
  TIDEGATE_ASSIGN(Database database, connect(settings));
  if (settings.check_integrity) TIDEGATE_TRY(database.check_integrity());
  if (!settings.read_only) TIDEGATE_TRY(database.migrate(settings.migrations));
  return database;
}

// Made whole under another name: a file that bears the real one always holds a schema.
Status Database::create(const Settings& settings) {
  Settings draft = settings;
  draft.file += ".new";
  remove_with_companions(draft.file);
  {
    TIDEGATE_ASSIGN(Database database, connect(draft, SQLITE_OPEN_CREATE));
    TIDEGATE_TRY(database.migrate(settings.migrations));
  }
  if (::rename(draft.file.c_str(), settings.file.c_str()) != 0) {
    return fail_errno(errno, "cannot create " + settings.file.string());
  }
  return sync_directory(settings.file.parent_path());
}

Result<Database> Database::connect(const Settings& settings, int open_flags) {
  configure_library();
  auto connection = std::make_unique<Connection>();
  connection->file = settings.file;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | open_flags;
  const int code = sqlite3_open_v2(settings.file.c_str(), &connection->handle, flags, nullptr);
  if (code != SQLITE_OK) return connection->failure(code);
  Database database(std::move(connection));
  TIDEGATE_TRY(database.configure(settings));
  return database;
}

Status Database::configure(const Settings& settings) {
  sqlite3_busy_timeout(connection_->handle, kBusyMilliseconds);
  TIDEGATE_TRY(execute(kConfiguration));
  TIDEGATE_TRY(enlarge_cache(settings.page_cache_kib));
  {
    TIDEGATE_ASSIGN(Statement mode, prepare("PRAGMA journal_mode=WAL"));
    TIDEGATE_TRY(mode.step());
    if (mode.text(0) != "wal") {
      return fail(ErrorCode::kUnsupported,
                  "cannot use a write-ahead log for " + file().string() +
                      ": its file system has no shared memory maps; put state_dir on a local disk");
    }
  }
  if (settings.most_pages) {
    TIDEGATE_TRY(execute(("PRAGMA max_page_count=" + std::to_string(*settings.most_pages)).c_str()));
  }
  return settings.read_only ? execute("PRAGMA query_only=ON") : Status{};
}

Status Database::check_integrity() {
  TIDEGATE_ASSIGN(Statement check, prepare("PRAGMA quick_check(1)"));
  TIDEGATE_ASSIGN(const bool any, check.step());
  if (any && check.text(0) != "ok") return internal::damaged(file(), check.text(0));
  return {};
}

Result<std::int64_t> Database::integer_of(std::string_view sql) {
  TIDEGATE_ASSIGN(Statement statement, prepare(sql));
  TIDEGATE_TRY(statement.step());
  return statement.integer(0);
}

Status Database::migrate(std::span<const char* const> migrations) {
  TIDEGATE_ASSIGN(const std::int64_t found, integer_of("PRAGMA user_version"));
  const auto known = static_cast<std::int64_t>(migrations.size());
  if (found > known) {
    return fail(ErrorCode::kDataLoss, file().string() + " has schema version " + std::to_string(found) +
                                          ", this tidegated knows " + std::to_string(known) +
                                          "; run the newer version that wrote it, or move it away to begin anew");
  }
  for (std::int64_t version = found; version < known; ++version) {
    const std::string script = std::string(migrations[static_cast<std::size_t>(version)]) +
                               ";PRAGMA user_version=" + std::to_string(version + 1);
    TIDEGATE_TRY(transaction([&] { return execute(script.c_str()); }));
  }
  return {};
}

Status Database::execute(const char* sql) {
  const int code = sqlite3_exec(connection_->handle, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return connection_->failure(code);
  return {};
}

std::int64_t Database::changes() const { return sqlite3_changes64(connection_->handle); }

// Most errors of a commit or of a full disk roll back by themselves.
void Database::roll_back() {
  if (sqlite3_get_autocommit(connection_->handle) == 0) {
    sqlite3_exec(connection_->handle, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Status Database::enlarge_cache(int kib) { return execute(("PRAGMA cache_size=-" + std::to_string(kib)).c_str()); }

void Database::checkpoint_and_shrink() {
  sqlite3_wal_checkpoint_v2(connection_->handle, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  sqlite3_db_release_memory(connection_->handle);
  malloc_trim(0);
}

Result<Statement> Database::prepare(std::string_view sql) {
  auto& idle = connection_->idle;
  if (const auto found = idle.find(sql); found != idle.end()) {
    sqlite3_stmt* handle = found->second;
    idle.erase(found);
    return Statement(*connection_, sql, handle);
  }
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(connection_->handle, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) return connection_->failure(code);
  return Statement(*connection_, sql, handle);
}

}  // namespace tidegate
