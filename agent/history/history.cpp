// SPDX-License-Identifier: Apache-2.0
#include "agent/history/history.hpp"

#include <utility>

#include "agent/base/guarded.hpp"
#include "agent/history/generations.hpp"

namespace tidegate::history {
namespace {

Status keep_newest_audit(Database& database) {
  TIDEGATE_ASSIGN(Statement prune, database.prepare("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?1"));
  prune.bind(1, static_cast<std::int64_t>(History::kMostAudit));
  return prune.run();
}

class SqliteHistory final : public History {
 public:
  SqliteHistory(Database database, const Clock& clock) : clock_(clock), database_(std::move(database)) {}

  Result<Generation> begin(const NewGeneration& generation) override {
    return change([&](Database& db) { return history::begin(db, generation, clock_.wall()); });
  }
  Result<Generation> finish(std::uint64_t generation) override {
    return change([&](Database& db) { return history::finish(db, generation, clock_.wall()); });
  }
  Status discard(std::uint64_t generation) override {
    auto db = database_.lock();
    return db->transaction([&] { return history::discard(*db, generation); });
  }
  Result<Generation> confirm() override {
    return change([&](Database& db) { return history::confirm(db); });
  }
  Result<Generation> begin_revert(const std::string& actor) override {
    return change([&](Database& db) { return history::begin_revert(db, actor, clock_.wall()); });
  }

  Result<std::optional<Generation>> pending() const override {
    return history::in_state(*database_.lock(), GenerationState::kPendingConfirm);
  }
  Result<std::optional<Generation>> overdue() const override {
    TIDEGATE_ASSIGN(auto waiting, pending());
    if (waiting && waiting->confirm_by > clock_.wall()) waiting.reset();
    return waiting;
  }
  Result<std::optional<Generation>> in_force() const override { return history::in_force(*database_.lock()); }
  Result<Generation> get(std::uint64_t generation) const override {
    return history::get(*database_.lock(), generation);
  }
  Result<Generation> previous() const override { return history::previous(*database_.lock()); }
  Result<std::vector<Generation>> list() const override { return history::list(*database_.lock()); }

  Status set_detached(const std::string& interface, const std::string& actor) override;
  Status clear_detached(const std::string& interface) override;
  Result<std::vector<DetachedInterface>> detached() const override;

  Status audit(const AuditRecord& record) override;
  Result<std::vector<AuditRecord>> audit_records(std::size_t most) const override;

 private:
  template <typename Body>
  Result<Generation> change(Body&& body) {
    auto database = database_.lock();
    Generation generation;
    TIDEGATE_TRY(database->transaction([&]() -> Status {
      TIDEGATE_ASSIGN(generation, body(*database));
      return {};
    }));
    return generation;
  }

  const Clock& clock_;
  mutable Guarded<Database> database_;
};

// Detaching again keeps the first time and actor.
Status SqliteHistory::set_detached(const std::string& interface, const std::string& actor) {
  auto database = database_.lock();
  return database->transaction([&]() -> Status {
    TIDEGATE_ASSIGN(Statement row, database->prepare("INSERT OR IGNORE INTO detached VALUES(?1, ?2, ?3)"));
    row.bind(1, std::string_view(interface));
    row.bind(2, to_nanoseconds(clock_.wall()));
    row.bind(3, std::string_view(actor));
    return row.run();
  });
}

Status SqliteHistory::clear_detached(const std::string& interface) {
  auto database = database_.lock();
  return database->transaction([&]() -> Status {
    TIDEGATE_ASSIGN(Statement row, database->prepare("DELETE FROM detached WHERE interface = ?1"));
    row.bind(1, std::string_view(interface));
    return row.run();
  });
}

Result<std::vector<DetachedInterface>> SqliteHistory::detached() const {
  auto database = database_.lock();
  TIDEGATE_ASSIGN(Statement all, database->prepare("SELECT interface, since, actor FROM detached ORDER BY interface"));
  std::vector<DetachedInterface> interfaces;
  for (;;) {
    TIDEGATE_ASSIGN(const bool any, all.step());
    if (!any) return interfaces;
    interfaces.push_back({std::string(all.text(0)), from_nanoseconds(all.integer(1)), std::string(all.text(2))});
  }
}

Status SqliteHistory::audit(const AuditRecord& record) {
  auto database = database_.lock();
  return database->transaction([&]() -> Status {
    TIDEGATE_ASSIGN(Statement row,
                    database->prepare("INSERT INTO audit(time, actor, action, detail) VALUES(?1, ?2, ?3, ?4)"));
    row.bind(1, to_nanoseconds(clock_.wall()));
    row.bind(2, std::string_view(record.actor));
    row.bind(3, std::string_view(record.action));
    row.bind(4, std::string_view(record.detail));
    TIDEGATE_TRY(row.run());
    return keep_newest_audit(*database);
  });
}

Result<std::vector<AuditRecord>> SqliteHistory::audit_records(std::size_t most) const {
  auto database = database_.lock();
  TIDEGATE_ASSIGN(Statement newest,
                  database->prepare("SELECT time, actor, action, detail FROM audit ORDER BY id DESC LIMIT ?1"));
  newest.bind(1, static_cast<std::int64_t>(most));
  std::vector<AuditRecord> records;
  for (;;) {
    TIDEGATE_ASSIGN(const bool any, newest.step());
    if (!any) return records;
    records.push_back({from_nanoseconds(newest.integer(0)), std::string(newest.text(1)), std::string(newest.text(2)),
                       std::string(newest.text(3))});
  }
}

}  // namespace

Result<std::unique_ptr<History>> History::open(const std::filesystem::path& file, const Clock& clock) {
  TIDEGATE_ASSIGN(Database database, open_database(file));
  TIDEGATE_TRY(forget_unfinished(database));
  return std::make_unique<SqliteHistory>(std::move(database), clock);
}

}  // namespace tidegate::history
