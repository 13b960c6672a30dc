// SPDX-License-Identifier: Apache-2.0
// What was acknowledged is there after kill -9, a full disk, a torn file.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <thread>

#include "agent/decisions/spool.hpp"
#include "tests/unit/base/child.hpp"
#include "tests/unit/decisions/support.hpp"

namespace tidegate::decisions {
namespace {

using test::all_of;
using test::block;
using test::value_of;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A child that stores without end and writes each acknowledged id into the pipe.
[[noreturn]] void store_forever(const std::filesystem::path& file, int pipe) {
  auto store = Store::open(file, system_clock());
  if (!store) _exit(1);
  for (std::uint32_t i = 0;; ++i) {
    NewDecision decision;
    decision.target = Prefix::host(Address::from_v4(0xc6120000U + i));
    const auto stored = (*store)->put({&decision, 1});
    if (!stored || write(pipe, &(*stored)[0].id, sizeof(std::int64_t)) != sizeof(std::int64_t)) _exit(1);
  }
}

// Reads ids until there are `enough`, kills the child, reads the rest.
std::vector<std::int64_t> acknowledged_before_kill(int pipe, pid_t child, std::size_t enough) {
  std::vector<std::int64_t> ids;
  bool killed = false;
  for (std::int64_t id = 0; read(pipe, &id, sizeof id) == sizeof id;) {
    ids.push_back(id);
    if (ids.size() < enough || killed) continue;
    kill(child, SIGKILL);
    killed = true;
  }
  return ids;
}

TEST(Durability, NothingAcknowledgedIsLostToKill9) {
  const test::TempDir directory;
  const auto file = directory / "decisions.db";
  std::size_t expected = 0;
  for (const std::size_t enough : {1UL, 7UL, 50UL, 200UL}) {
    std::array<int, 2> pipes{};
    ASSERT_EQ(pipe(pipes.data()), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(pipes[0]);
      store_forever(file, pipes[1]);
    }
    close(pipes[1]);
    const auto ids = acknowledged_before_kill(pipes[0], child, enough);
    close(pipes[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
    ASSERT_GE(ids.size(), enough);

    const auto store = value_of(Store::open(file, system_clock()));
    std::vector<std::int64_t> there;
    for (const Decision& decision : all_of(*store)) there.push_back(decision.id);
    EXPECT_TRUE(std::ranges::includes(there, ids));
    expected = std::max(expected, ids.size());
    EXPECT_GE(there.size(), expected);
  }
}

TEST(Durability, AnImportThatIsKilledLeavesNothing) {
  const test::TempDir directory;
  const auto file = directory / "decisions.db";
  test::put(*value_of(Store::open(file, system_clock())), {block("192.0.2.1")});
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto store = Store::open(file, system_clock());
    std::uint32_t i = 0;
    NewDecision decision;
    auto stored = (*store)->put_stream([&]() -> Result<const NewDecision*> {
      if (++i == 50'000) raise(SIGKILL);
      decision.target = Prefix::host(Address::from_v4(0xc6120000U + i));
      return &decision;
    });
    _exit(stored ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_THAT(all_of(*value_of(Store::open(file, system_clock()))), SizeIs(1));
}

TEST(Durability, AFullDiskRefusesTheImportAndKeepsTheRest) {
  if (!tidegate::test::may_mount()) GTEST_SKIP() << "mounting a small disk needs CAP_SYS_ADMIN";
  const test::TempDir directory;
  tidegate::test::in_child([&] {
    ASSERT_TRUE(tidegate::test::mount_small_disk(directory.path(), 2048));
    auto store = value_of(Store::open(directory / "decisions.db", system_clock()));
    const auto before = test::put(*store, {block("192.0.2.1"), block("192.0.2.2", "feed:x")});
    const auto imported = store->put_many(test::blocks(100'000));
    ASSERT_FALSE(imported);
    EXPECT_EQ(imported.error().code, ErrorCode::kResourceExhausted) << imported.error().message;
    EXPECT_THAT(imported.error().message, HasSubstr("disk full; nothing was changed"));
    EXPECT_THAT(all_of(*store), SizeIs(2));
    EXPECT_EQ(test::effect_of(*store, "198.18.0.7").blocked, false);
    // It works again as soon as there is room, for the failed import has left none of itself behind.
    EXPECT_TRUE(store->put({{block("192.0.2.3")}}));
    store.reset();
    EXPECT_THAT(all_of(*value_of(Store::open(directory / "decisions.db", system_clock()))), SizeIs(3));
  });
}

TEST(Durability, AFullDiskRefusesTheSpool) {
  if (!tidegate::test::may_mount()) GTEST_SKIP() << "mounting a small disk needs CAP_SYS_ADMIN";
  const test::TempDir directory;
  tidegate::test::in_child([&] {
    ASSERT_TRUE(tidegate::test::mount_small_disk(directory.path(), 64));
    auto spool = value_of(Spool::create(directory.path()));
    Status status;
    for (const NewDecision& decision : test::blocks(200'000)) {
      if (status) status = spool->add(decision);
    }
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
    EXPECT_THAT(status.error().message, HasSubstr("disk full"));
  });
}

TEST(Durability, DamageIsSaidAndTheFileKept) {
  const test::TempDir directory;
  const auto file = directory / "decisions.db";
  ASSERT_TRUE(value_of(Store::open(file, system_clock()))->put_many(test::blocks(5000)));
  const auto size = std::filesystem::file_size(file);
  std::filesystem::resize_file(file, size - 3 * 4096);
  const auto store = Store::open(file, system_clock());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(store.error().message, HasSubstr(file.string()));
  EXPECT_THAT(store.error().message, HasSubstr("docs/decisions.md"));
  EXPECT_EQ(std::filesystem::file_size(file), size - 3 * 4096);
}

// The commands of docs/decisions.md.
TEST(Durability, WhatCanBeReadOfADamagedFileIsSaved) {
  if (std::system("sqlite3 -version > /dev/null 2>&1") != 0) GTEST_SKIP() << "the sqlite3 command is not installed";
  const test::TempDir directory;
  const auto file = directory / "decisions.db";
  ASSERT_TRUE(value_of(Store::open(file, system_clock()))->put_many(test::blocks(20'000)));
  {
    std::fstream damage(file, std::ios::in | std::ios::out | std::ios::binary);
    damage.seekp(40 * 4096);
    damage << std::string(6 * 4096, '\xff');
  }
  ASSERT_FALSE(Store::open(file, system_clock()));
  const std::string name = file.string();
  const std::string save = "(sqlite3 " + name +
                           " .dump | sed 's/^ROLLBACK.*/COMMIT;/'; echo 'PRAGMA user_version=1;') | sqlite3 " + name +
                           ".saved 2> /dev/null; mv " + name + ".saved " + name;
  ASSERT_EQ(std::system(save.c_str()), 0);
  const auto store = value_of(Store::open(file, system_clock()));
  ASSERT_TRUE(store);
  EXPECT_GT(value_of(store->count()), 10'000U);
  EXPECT_LT(value_of(store->count()), 20'000U);
  EXPECT_TRUE(store->put({{block("192.0.2.1")}}));
}

TEST(Durability, DamageMetWhileRunningIsSaid) {
  const test::TempDir directory;
  const auto file = directory / "decisions.db";
  ASSERT_TRUE(value_of(Store::open(file, system_clock()))->put_many(test::blocks(50'000)));
  auto store = value_of(Store::open(file, system_clock()));
  {
    std::fstream damage(file, std::ios::in | std::ios::out | std::ios::binary);
    const std::string noise(4096, '\xff');
    for (std::uintmax_t page = 20; page < std::filesystem::file_size(file) / 4096; ++page) {
      damage.seekp(static_cast<std::streamoff>(page * 4096));
      damage.write(noise.data(), 4096);
    }
  }
  const Status status = store->each_effect([](const Effect&) {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kDataLoss) << status.error().message;
}

TEST(Concurrency, ReadersAndWritersDoNotDisturbEachOther) {
  const test::TempDir directory;
  auto store = value_of(Store::open(directory / "decisions.db", system_clock()));
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(store->put_many(test::blocks(500)));
      EXPECT_TRUE(store->remove_origin("operator"));
    }
    done = true;
  });
  std::jthread other([&] {
    while (!done) EXPECT_TRUE(store->put({{block("192.0.2.1", "feed:x")}}));
  });
  while (!done) {
    // All of an import or nothing of it.
    std::size_t seen = 0;
    EXPECT_TRUE(store->count());
    EXPECT_TRUE(store->each({.origin = "operator", .contains = {}}, [&](const Decision&) { return ++seen, true; }));
    EXPECT_TRUE(seen == 0 || seen == 500) << seen;
  }
}

}  // namespace
}  // namespace tidegate::decisions
