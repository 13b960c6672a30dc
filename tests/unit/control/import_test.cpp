// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/control/fixture.hpp"

namespace tidegate::control {
namespace {

class ImportTest : public testing::ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    apply_first();
  }
  Result<decisions::ImportSummary> import(const std::string& text, bool force = false) {
    ImportRequest request;
    request.origin = "feed:test";
    request.force = force;
    request.actor = "uid:0";
    const auto session = controllers_->decisions.import(request);
    if (!session) return std::unexpected(session.error());
    for (std::size_t at = 0; at < text.size(); at += 7) TIDEGATE_TRY((*session)->feed(text.substr(at, 7)));
    return (*session)->finish();
  }
};

TEST_F(ImportTest, LinesAreStoredAndEnforced) {
  const auto summary = import("203.0.113.1 1h scanner\n203.0.113.0/28\n# done\n");
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->accepted, 2U);
  EXPECT_EQ(datapath_.blocks.size(), 2U);
  EXPECT_EQ(controllers_->decisions.count(), 2U);
}

TEST_F(ImportTest, BadLineMeansNothingIsApplied) {
  const auto summary = import("203.0.113.1\nnonsense\n203.0.113.2\n");
  ASSERT_TRUE(summary);
  ASSERT_EQ(summary->error_count, 1U);
  EXPECT_EQ(summary->errors.front().line, 2U);
  EXPECT_TRUE(datapath_.blocks.empty());
  EXPECT_EQ(controllers_->decisions.count(), 0U);
}

TEST_F(ImportTest, GuardHoldsLineByLine) {
  const auto summary = import("203.0.113.1\n192.0.2.10\n");
  ASSERT_TRUE(summary);
  ASSERT_EQ(summary->error_count, 1U);
  EXPECT_EQ(summary->errors.front().line, 2U);
  EXPECT_TRUE(datapath_.blocks.empty());
  ASSERT_TRUE(import("203.0.113.1\n192.0.2.10\n", true));
  EXPECT_EQ(datapath_.blocks.size(), 2U);
  EXPECT_EQ(history_->audit_records(1)->front().action, "import");
}

TEST_F(ImportTest, FullTableLeavesStoreAndDatapathAsTheyWere) {
  ASSERT_TRUE(controllers_->decisions.block(targets({"203.0.113.200"})));
  datapath_.block_capacity = 3;
  const auto summary = import("203.0.113.1\n203.0.113.2\n203.0.113.3\n203.0.113.4\n");
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(controllers_->decisions.count(), 1U);
  EXPECT_EQ(datapath_.blocks.size(), 1U);
}

// The import names a target that is blocked already: that decision is replaced only when all of the import holds.
TEST_F(ImportTest, FullTableLosesNothingThatWouldHaveBeenReplaced) {
  const auto before = controllers_->decisions.block(targets({"203.0.113.1"}));
  ASSERT_TRUE(before);
  datapath_.block_capacity = 3;
  ASSERT_FALSE(import("203.0.113.1 5m\n203.0.113.2\n203.0.113.3\n203.0.113.4\n"));
  const auto covering = decisions_->covering((*before)[0].target);
  ASSERT_TRUE(covering);
  ASSERT_EQ(covering->size(), 1U);
  EXPECT_EQ((*covering)[0].id, (*before)[0].id);
  EXPECT_FALSE((*covering)[0].expires);
  EXPECT_EQ(datapath_.blocks.size(), 1U);
}

}  // namespace
}  // namespace tidegate::control
