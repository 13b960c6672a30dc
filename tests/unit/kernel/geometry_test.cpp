// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/geometry.hpp"

#include <gtest/gtest.h>

#include <bit>

namespace tidegate::kernel {
namespace {

TEST(Geometry, SetsAndFilterLinesArePowersOfTwo) {
  Options options;
  options.buckets = 70'000;
  options.blocks = 1'000'000;
  options.flows = 5000;
  const auto geometry = geometry_for(options);
  ASSERT_TRUE(geometry);
  EXPECT_EQ(geometry->bucket_sets, 16384U);
  EXPECT_EQ(geometry->flow_sets, 1024U);
  EXPECT_TRUE(std::has_single_bit(geometry->block_filter_lines));
  EXPECT_GE(std::uint64_t{geometry->block_buckets} * TG_BLOCK_WAYS, 1'000'000U * 5 / 4);
}

TEST(Geometry, RefusesSizesThatMakeNoSenseAndNamesTheSetting) {
  Options options;
  options.blocks = 1ULL << 40;
  const auto geometry = geometry_for(options);
  ASSERT_FALSE(geometry);
  EXPECT_EQ(geometry.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(geometry.error().message.find("tables.blocks"), std::string::npos);
  options.blocks = 0;
  EXPECT_FALSE(geometry_for(options));
}

TEST(Geometry, IdentityRecordsItAndEverySeedIsItsOwn) {
  const Geometry geometry{
      .bucket_sets = 8192, .block_buckets = 163'840, .block_filter_lines = 32768, .flow_sets = 8192};
  const auto identity = make_identity(geometry);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->magic, TG_IDENTITY_MAGIC);
  EXPECT_TRUE(geometry_of(*identity) == geometry);
  for (unsigned i = 0; i < 4; ++i) {
    for (unsigned j = 0; j < i; ++j) EXPECT_NE(identity->seed[i], identity->seed[j]);
  }
}

}  // namespace
}  // namespace tidegate::kernel
