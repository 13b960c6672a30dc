// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::policy {
namespace {

using ::testing::HasSubstr;

TEST(Report, MessagesAreOneLineOfValidUtf8) {
  Report report;
  report.error({1, 1}, std::string("a\nb\x1b[31m\x80\xc3 \xc0\xaf \xed\xa0\x80 é ÷") + '\0');
  const auto issues = std::move(report).take();
  EXPECT_EQ(issues.front().message, "a?b?[31m?? ?? ??? é ÷?");
}

TEST(Report, CuttingForeignTextLeavesValidUtf8) {
  std::string text(63, 'a');
  text += "é is cut in two";
  EXPECT_EQ(in_quotes(text), "'" + std::string(63, 'a') + "?…'");
}

TEST(Report, IsSortedByPlaceAndWhatHasNoneIsLast) {
  Report report;
  report.error({}, "whole");
  report.warning({2, 1}, "warning");
  report.error({2, 1}, "error");
  report.error({1, 9}, "first");
  const auto issues = std::move(report).take();
  ASSERT_EQ(issues.size(), 4U);
  EXPECT_EQ(issues[0].message, "first");
  EXPECT_EQ(issues[1].message, "error");
  EXPECT_EQ(issues[2].message, "warning");
  EXPECT_EQ(issues[3].message, "whole");
}

TEST(Report, StopsAtTheMostAndSaysSo) {
  Report report;
  for (unsigned i = 1; i <= 5000; ++i) report.error({i, 1}, "wrong");
  EXPECT_TRUE(report.full());
  const auto issues = std::move(report).take();
  EXPECT_EQ(issues.size(), Report::kMost);
  EXPECT_THAT(issues.back().message, HasSubstr("too many errors"));
}

TEST(Report, AnErrorTakesThePlaceOfAWarning) {
  Report report;
  for (unsigned i = 1; i <= 200; ++i) report.warning({i, 1}, "hm");
  report.error({300, 1}, "wrong");
  EXPECT_TRUE(report.failed());
  const auto issues = std::move(report).take();
  EXPECT_EQ(issues.size(), Report::kMost);
  EXPECT_FALSE(issues.back().warning);
}

}  // namespace
}  // namespace tidegate::policy
