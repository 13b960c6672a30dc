// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/privileges.hpp"

#include <gtest/gtest.h>
#include <linux/capability.h>

namespace tidegate::kernel {
namespace {

constexpr std::uint64_t bit(unsigned capability) { return 1ULL << capability; }
constexpr std::uint64_t kEnough = bit(CAP_BPF) | bit(CAP_PERFMON) | bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW);

TEST(Privileges, TheFourCapabilitiesAreEnough) { EXPECT_TRUE(check_capabilities(kEnough)); }

TEST(Privileges, WhatIsMissingIsNamedAndNothingElse) {
  const auto status = check_capabilities(kEnough & ~bit(CAP_PERFMON));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kPermissionDenied);
  EXPECT_TRUE(status.error().message.starts_with("cannot load the datapath without CAP_PERFMON: "));
}

TEST(Privileges, SysAdminStandsForBpfAndPerfmonButNotForNetAdmin) {
  EXPECT_TRUE(check_capabilities(bit(CAP_SYS_ADMIN) | bit(CAP_NET_ADMIN)));
  EXPECT_FALSE(check_capabilities(bit(CAP_SYS_ADMIN)));
}

TEST(Privileges, ADirectoryElsewhereIsRefusedWithTheRemedy) {
  const auto status = check_bpf_filesystem("/tmp/tidegate-no-such-directory");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(status.error().message.find("mount -t bpf"), std::string::npos);
}

TEST(Privileges, AKernelWithoutTypeInformationIsRefusedWithTheRemedy) {
  const auto status = check_btf("/tmp/tidegate-no-such-btf");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(status.error().message.find("/tmp/tidegate-no-such-btf"), std::string::npos);
  EXPECT_NE(status.error().message.find("CONFIG_DEBUG_INFO_BTF"), std::string::npos);
}

}  // namespace
}  // namespace tidegate::kernel
