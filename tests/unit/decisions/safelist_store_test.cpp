// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/safelist_store.hpp"

#include <gmock/gmock.h>

#include "tests/unit/decisions/support.hpp"

namespace tidegate::decisions {
namespace {

using namespace std::chrono_literals;
using test::prefix;
using test::value_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SafelistTest : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    safelist_.reset();
    safelist_ = value_of(SafelistStore::open(directory_ / "decisions.db", clock_));
    ASSERT_TRUE(safelist_);
  }
  static NewSafelistEntry entry(const char* target) {
    return {.prefix = prefix(target), .ceiling = {}, .interface = "", .reason = "", .actor = ""};
  }

  test::TempDir directory_;
  ManualClock clock_;
  std::unique_ptr<SafelistStore> safelist_;
};

TEST_F(SafelistTest, KeepsEveryFieldAcrossReopen) {
  NewSafelistEntry wanted = entry("2001:db8:a::/48");
  wanted.ceiling = Rate{100'000, 1s};
  wanted.interface = "eth0";
  wanted.reason = "office";
  wanted.actor = "uid:0";
  ASSERT_TRUE(safelist_->add({{wanted, entry("192.0.2.10")}}));
  reopen();
  const auto all = value_of(safelist_->list());
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].prefix, prefix("192.0.2.10"));
  EXPECT_FALSE(all[0].ceiling);
  EXPECT_EQ(all[1].prefix, wanted.prefix);
  EXPECT_EQ(all[1].ceiling, wanted.ceiling);
  EXPECT_EQ(all[1].interface, "eth0");
  EXPECT_EQ(all[1].reason, "office");
  EXPECT_EQ(all[1].actor, "uid:0");
  EXPECT_EQ(all[1].created, clock_.wall());
}

TEST_F(SafelistTest, TheSamePrefixAndInterfaceIsReplaced) {
  NewSafelistEntry again = entry("192.0.2.10");
  again.reason = "again";
  ASSERT_TRUE(safelist_->add({{entry("192.0.2.10")}}));
  ASSERT_TRUE(safelist_->add({{again}}));
  const auto all = value_of(safelist_->list());
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].reason, "again");
}

TEST_F(SafelistTest, RemovesAllInterfacesOfAPrefixOrNothing) {
  NewSafelistEntry bound = entry("192.0.2.10");
  bound.interface = "eth0";
  ASSERT_TRUE(safelist_->add({{entry("192.0.2.10"), bound, entry("192.0.2.11")}}));
  const Prefix wrong[] = {prefix("192.0.2.11"), prefix("192.0.2.12")};
  const auto removed = safelist_->remove(wrong);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(removed.error().message, HasSubstr("192.0.2.12"));
  EXPECT_THAT(value_of(safelist_->list()), SizeIs(3));
  const Prefix right[] = {prefix("192.0.2.10")};
  EXPECT_THAT(value_of(safelist_->remove(right)), SizeIs(2));
  EXPECT_THAT(value_of(safelist_->list()), SizeIs(1));
}

TEST_F(SafelistTest, IsBounded) {
  std::vector<NewSafelistEntry> entries;
  for (std::uint32_t i = 0; i <= SafelistStore::kMostEntries; ++i) {
    entries.push_back(
        {.prefix = Prefix::host(Address::from_v4(i)), .ceiling = {}, .interface = "", .reason = "", .actor = ""});
  }
  const auto added = safelist_->add(entries);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(value_of(safelist_->list()), IsEmpty());
}

TEST_F(SafelistTest, StandsBesideTheDecisionsOfTheSameFile) {
  auto store = value_of(Store::open(directory_ / "decisions.db", clock_));
  test::put(*store, {test::block("192.0.2.1")});
  ASSERT_TRUE(safelist_->add({{entry("192.0.2.10")}}));
  EXPECT_THAT(test::all_of(*store), SizeIs(1));
}

}  // namespace
}  // namespace tidegate::decisions
