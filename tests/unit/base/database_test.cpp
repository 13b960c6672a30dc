// SPDX-License-Identifier: Apache-2.0
#include "agent/base/database.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <fstream>

#include "tests/unit/base/child.hpp"

namespace tidegate {
namespace {

using ::testing::HasSubstr;

constexpr const char* kFirst = "CREATE TABLE t(k INTEGER PRIMARY KEY, v TEXT)";
constexpr const char* kSecond = "ALTER TABLE t ADD COLUMN w INTEGER DEFAULT 7";
constexpr const char* kOne[] = {kFirst};
constexpr const char* kBoth[] = {kFirst, kSecond};

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest() {
    std::string name = (std::filesystem::temp_directory_path() / "tidegate-db-XXXXXX").string();
    directory_ = mkdtemp(name.data());
    file_ = directory_ / "x.db";
  }
  ~DatabaseTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  Result<Database> open(std::span<const char* const> migrations = kOne, std::optional<std::int64_t> most_pages = {}) {
    return Database::open({.file = file_, .migrations = migrations, .most_pages = most_pages});
  }

  static Status insert(Database& database, std::int64_t key, const std::string& value) {
    return database.transaction([&]() -> Status {
      TIDEGATE_ASSIGN(Statement row, database.prepare("INSERT INTO t(k, v) VALUES(?1, ?2)"));
      row.bind(1, key);
      row.bind(2, std::string_view(value));
      return row.run();
    });
  }

  static std::int64_t count(Database& database) {
    auto statement = database.prepare("SELECT count(*) FROM t");
    EXPECT_TRUE(statement && statement->step());
    return statement->integer(0);
  }

  void fill(int rows) {
    auto database = open();
    ASSERT_TRUE(database) << database.error().message;
    for (int i = 0; i < rows; ++i) ASSERT_TRUE(insert(*database, i, std::string(500, 'v')));
  }

  void overwrite(std::streamoff at, const std::string& bytes) {
    std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.good());
  }

  void expect_damage_is_said_and_kept() {
    const auto size = std::filesystem::file_size(file_);
    const auto database = open();
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().code, ErrorCode::kDataLoss) << database.error().message;
    EXPECT_THAT(database.error().message, HasSubstr(file_.string()));
    EXPECT_THAT(database.error().message, HasSubstr("kept"));
    EXPECT_EQ(std::filesystem::file_size(file_), size);
  }

  std::filesystem::path directory_;
  std::filesystem::path file_;
};

TEST_F(DatabaseTest, KeepsWhatWasCommitted) {
  fill(3);
  auto database = open();
  ASSERT_TRUE(database);
  EXPECT_EQ(count(*database), 3);
}

TEST_F(DatabaseTest, AFailedTransactionChangesNothing) {
  auto database = open();
  ASSERT_TRUE(database);
  ASSERT_TRUE(insert(*database, 1, "a"));
  const Status status = database->transaction([&]() -> Status {
    TIDEGATE_TRY(database->execute("INSERT INTO t VALUES(2, 'b')"));
    return fail(ErrorCode::kUnavailable, "no");
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "no");
  EXPECT_EQ(count(*database), 1);
  EXPECT_TRUE(insert(*database, 2, "c"));
}

TEST_F(DatabaseTest, MigratesAnOlderFileAndRefusesANewerOne) {
  fill(1);
  {
    auto database = open(kBoth);
    ASSERT_TRUE(database) << database.error().message;
    auto statement = database->prepare("SELECT w FROM t");
    ASSERT_TRUE(statement && statement->step());
    EXPECT_EQ(statement->integer(0), 7);
  }
  const auto older = open(kOne);
  ASSERT_FALSE(older);
  EXPECT_THAT(older.error().message, HasSubstr("schema version 2, this tidegated knows 1"));
}

TEST_F(DatabaseTest, AFailingMigrationLeavesTheOldVersion) {
  fill(1);
  constexpr const char* wrong[] = {kFirst, "CREATE TABLE u(a); CREATE TABLE t(a)"};
  EXPECT_FALSE(open(wrong));
  auto database = open();
  ASSERT_TRUE(database);
  EXPECT_FALSE(database->prepare("SELECT * FROM u"));
}

TEST_F(DatabaseTest, OneStatementMayBeLentTwice) {
  auto database = open();
  ASSERT_TRUE(database);
  ASSERT_TRUE(insert(*database, 1, "a"));
  ASSERT_TRUE(insert(*database, 2, "b"));
  auto outer = database->prepare("SELECT k FROM t ORDER BY k");
  auto inner = database->prepare("SELECT k FROM t ORDER BY k");
  ASSERT_TRUE(outer->step() && inner->step() && inner->step());
  EXPECT_EQ(outer->integer(0), 1);
  EXPECT_EQ(inner->integer(0), 2);
}

TEST_F(DatabaseTest, AFullDiskIsSaidAndUndone) {
  auto database = open(kOne, 20);
  ASSERT_TRUE(database) << database.error().message;
  Status status;
  std::int64_t stored = 0;
  while (status) {
    status = insert(*database, stored, std::string(900, 'x'));
    stored += status.has_value();
    ASSERT_LT(stored, 1000);
  }
  EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(status.error().message,
              HasSubstr("state directory " + directory_.string() + ": disk full; nothing was changed"));
  EXPECT_EQ(count(*database), stored);
}

TEST_F(DatabaseTest, ARealDiskThatFillsLosesNothing) {
  if (!test::may_mount()) GTEST_SKIP() << "mounting a small disk needs CAP_SYS_ADMIN";
  test::in_child([&] {
    ASSERT_TRUE(test::mount_small_disk(directory_, 512));
    std::int64_t stored = 0;
    {
      auto database = open();
      ASSERT_TRUE(database) << database.error().message;
      Status status;
      while (status) {
        status = insert(*database, stored, std::string(900, 'x'));
        stored += status.has_value();
        ASSERT_LT(stored, 10000);
      }
      EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted) << status.error().message;
      EXPECT_GT(stored, 10);
      EXPECT_EQ(count(*database), stored);
    }
    auto database = open();
    ASSERT_TRUE(database) << database.error().message;
    EXPECT_EQ(count(*database), stored);
  });
}

TEST_F(DatabaseTest, ADiskTooSmallForANewFileIsSaid) {
  if (!test::may_mount()) GTEST_SKIP() << "mounting a small disk needs CAP_SYS_ADMIN";
  test::in_child([&] {
    ASSERT_TRUE(test::mount_small_disk(directory_, 8));
    const auto database = open();
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().code, ErrorCode::kResourceExhausted) << database.error().message;
    EXPECT_FALSE(std::filesystem::exists(file_)) << "half a file was left under the real name";
  });
}

TEST_F(DatabaseTest, AnEmptyFileIsDamageNotABeginning) {
  fill(3);
  std::filesystem::resize_file(file_, 0);
  expect_damage_is_said_and_kept();
}

TEST_F(DatabaseTest, ATruncatedFileIsDamage) {
  fill(200);
  std::filesystem::resize_file(file_, std::filesystem::file_size(file_) / 2);
  expect_damage_is_said_and_kept();
}

TEST_F(DatabaseTest, ADestroyedHeaderIsDamage) {
  fill(3);
  overwrite(0, "not SQLite at all, is it?");
  expect_damage_is_said_and_kept();
}

TEST_F(DatabaseTest, ADestroyedPageIsDamage) {
  fill(200);
  overwrite(5 * 4096, std::string(64, '\xff'));
  expect_damage_is_said_and_kept();
}

TEST_F(DatabaseTest, ATornTailOfTheLogIsNotDamage) {
  test::in_child([&] {
    auto database = open();
    ASSERT_TRUE(database);
    ASSERT_TRUE(insert(*database, 1, "kept"));
    _exit(0);  // without closing: the log stays
  });
  const std::filesystem::path log = file_.string() + "-wal";
  ASSERT_TRUE(std::filesystem::exists(log));
  std::ofstream(log, std::ios::app | std::ios::binary) << std::string(5000, '\x5a');
  auto database = open();
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ(count(*database), 1);
}

TEST_F(DatabaseTest, ALeftoverOfACrashedCreationIsNoObstacle) {
  std::ofstream(file_.string() + ".new") << "half";
  auto database = open();
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ(count(*database), 0);
}

TEST_F(DatabaseTest, WithoutPermissionTheFileIsNamed) {
  fill(1);
  test::in_child([&] {
    if (geteuid() == 0) {
      ASSERT_EQ(setresuid(65534, 65534, 65534), 0);
    } else {
      std::filesystem::permissions(file_, std::filesystem::perms::none);
    }
    const auto database = open();
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().code, ErrorCode::kPermissionDenied) << database.error().message;
    EXPECT_THAT(database.error().message, HasSubstr(file_.string()));
  });
}

TEST_F(DatabaseTest, AReaderCannotWrite) {
  fill(1);
  auto database = Database::open({.file = file_, .migrations = kOne, .read_only = true, .most_pages = {}});
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ(count(*database), 1);
  EXPECT_FALSE(database->execute("DELETE FROM t"));
}

}  // namespace
}  // namespace tidegate
