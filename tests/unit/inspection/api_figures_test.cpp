// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/api_figures.hpp"

#include <gtest/gtest.h>

#include "agent/openapi/document.hpp"

namespace tidegate::inspection {
namespace {

constexpr const char* kText = R"(openapi: 3.0.3
paths:
  /users/{id}:
    parameters: [{name: id, in: path, schema: {type: integer}}]
    get: {operationId: getUser}
    delete: {deprecated: true}
  /never: {get: {}}
)";

policy::Policy policy_with(const std::string& text) {
  policy::Policy policy;
  policy::Service api;
  api.name = "api";
  auto document = std::make_shared<openapi::Document>(*openapi::read_document(text).document);
  document->file = "api.yaml";
  api.openapi = policy::ApiSource{.file = "api.yaml", .document = std::move(document), .problem = {}, .location = {}};
  policy::Service plain;
  plain.name = "plain";
  policy.services = {api, plain};
  return policy;
}

inspect::Summary request(std::uint16_t operation, std::uint8_t facts, unsigned caller = 1, std::uint16_t status = 200) {
  inspect::Summary summary;
  summary.service = "api";
  summary.method = "GET";
  summary.path_template = "/hidden/{}";
  summary.api_operation = operation;
  summary.api_facts = facts;
  summary.status = status;
  summary.connection.flow.client.address = Address::parse("198.51.100.1").value();
  summary.connection.flow.client.address.lo += caller;
  return summary;
}

class ApiFiguresTest : public ::testing::Test {
 protected:
  ApiFiguresTest() { figures.set_policy(policy_with(kText)); }
  std::vector<ApiRow> rows() { return figures.report("api")->rows; }

  ManualClock clock;
  ApiFigures figures{clock, 7};
};

TEST_F(ApiFiguresTest, OperationsComeAsDescribedCalledOrNot) {
  for (int i = 0; i < 3; ++i) figures.take(request(1, inspect::kApiInvalidPath, 1, 404));
  figures.take(request(1, inspect::kApiUndeclaredQuery | inspect::kApiInvalidQuery, 2));
  figures.take(request(2, inspect::kApiDeprecated));
  const auto found = rows();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].operation, "getUser");
  EXPECT_EQ(found[0].path, "/users/{id}");
  EXPECT_EQ(found[0].calls, 4U);
  EXPECT_EQ(found[0].callers, 2U);
  EXPECT_EQ(found[0].by_class[4], 3U);
  EXPECT_EQ(found[0].statuses.at(0), std::pair(std::uint16_t{404}, std::uint64_t{3}));
  EXPECT_EQ(found[0].invalid_path, 3U);
  EXPECT_EQ(found[0].undeclared_query, 1U);
  EXPECT_EQ(found[0].invalid_query, 1U);
  EXPECT_TRUE(found[0].last_seen);
  EXPECT_TRUE(found[1].deprecated);
  EXPECT_EQ(found[1].operation, "DELETE /users/{id}");
  EXPECT_EQ(found[2].calls, 0U);
  EXPECT_FALSE(found[2].last_seen);
}

TEST_F(ApiFiguresTest, WhatIsNotDescribedFollowsMostCalledFirst) {
  figures.take(request(0, inspect::kApiWrongMethod));
  for (int i = 0; i < 2; ++i) figures.take(request(0, inspect::kApiUnknownPath));
  auto other = request(0, inspect::kApiUnknownPath);
  other.kind = inspect::SummaryKind::kPayload;
  figures.take(other);
  const auto found = rows();
  ASSERT_EQ(found.size(), 5U);
  EXPECT_TRUE(found[3].undocumented);
  EXPECT_EQ(found[3].calls, 2U) << "a request counts once";
  EXPECT_TRUE(found[4].wrong_method);
}

TEST_F(ApiFiguresTest, PathsMadeUpDoNotFillIt) {
  auto popular = request(0, inspect::kApiUnknownPath);
  popular.path_template = "/popular";
  for (int i = 0; i < 50; ++i) figures.take(popular);
  for (int i = 0; i < 5000; ++i) {
    auto made_up = request(0, inspect::kApiUnknownPath, static_cast<unsigned>(i));
    made_up.path_template = "/x" + std::to_string(i);
    figures.take(made_up);
  }
  const auto found = rows();
  EXPECT_EQ(found.size(), 3U + ApiFigures::kMostUndocumented + 1);
  EXPECT_EQ(found[3].path, "/popular");
  EXPECT_EQ(found.back().path, "(other)");
  EXPECT_EQ(found.back().calls, 5001 - ApiFigures::kMostUndocumented);
}

TEST_F(ApiFiguresTest, ManyCallersAreEstimated) {
  for (unsigned i = 0; i < 20'000; ++i) figures.take(request(1, 0, i));
  const auto callers = static_cast<double>(rows()[0].callers);
  EXPECT_NEAR(callers, 20'000, 20'000 * 0.2);
}

TEST_F(ApiFiguresTest, FiguresGoOnUntilTheDescriptionChanges) {
  figures.take(request(1, 0));
  figures.set_policy(policy_with(kText));
  EXPECT_EQ(rows()[0].calls, 1U);
  figures.set_policy(policy_with(std::string(kText) + "  /more: {get: {}}\n"));
  EXPECT_EQ(rows()[0].calls, 0U);
  figures.take(request(99, 0));  // by a description that is no longer there
  EXPECT_EQ(rows().size(), 4U);
}

TEST_F(ApiFiguresTest, OtherServicesHaveNone) {
  EXPECT_EQ(figures.report("nobody").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(figures.report("plain").error().code, ErrorCode::kFailedPrecondition);
  auto plain = request(1, 0);
  plain.service = "plain";
  figures.take(plain);
}

}  // namespace
}  // namespace tidegate::inspection
