// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/geometry.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "agent/kernel/block_table.hpp"

namespace tidegate::kernel {
namespace {

constexpr std::uint64_t kLeast = 1024;
constexpr std::uint64_t kMostBuckets = 1U << 26;  // 2.7 GB
constexpr std::uint64_t kMostBlocks = 1U << 26;   // 1.5 GB
constexpr std::uint64_t kMostFlows = 1U << 24;

Status check(const char* setting, std::uint64_t value, std::uint64_t most) {
  if (value >= kLeast && value <= most) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("tables.{}: {} is outside {} to {}: choose a size in between", setting, value, kLeast, most));
}

std::uint32_t sets(std::uint64_t entries, unsigned ways) {
  return static_cast<std::uint32_t>(std::bit_ceil((entries + ways - 1) / ways));
}

}  // namespace

Result<Geometry> geometry_for(const Options& options) {
  TIDEGATE_TRY(check("buckets", options.buckets, kMostBuckets));
  TIDEGATE_TRY(check("blocks", options.blocks, kMostBlocks));
  TIDEGATE_TRY(check("flows", options.flows, kMostFlows));
  return Geometry{.bucket_sets = sets(options.buckets, TG_WAYS),
                  .block_buckets = BlockTable::buckets_for(options.blocks),
                  .block_filter_lines = BlockTable::filter_lines_for(options.blocks),
                  .flow_sets = sets(options.flows, TG_FLOW_WAYS)};
}

Geometry geometry_of(const tg_identity& identity) {
  return {.bucket_sets = identity.bucket_sets,
          .block_buckets = identity.block_buckets,
          .block_filter_lines = identity.block_filter_lines,
          .flow_sets = identity.flow_sets};
}

Result<tg_identity> make_identity(const Geometry& geometry) {
  tg_identity identity{};
  identity.magic = TG_IDENTITY_MAGIC;
  identity.abi_version = TG_ABI_VERSION;
  identity.bucket_sets = geometry.bucket_sets;
  identity.block_buckets = geometry.block_buckets;
  identity.block_filter_lines = geometry.block_filter_lines;
  identity.flow_sets = geometry.flow_sets;
  for (auto& seed : identity.seed) {
    TIDEGATE_ASSIGN(seed, random_secret());
  }
  return identity;
}

Result<std::uint64_t> random_secret() {
  std::uint64_t secret = 0;
  while (secret == 0) {
    if (getrandom(&secret, sizeof secret, 0) != sizeof secret) {
      return fail_errno(errno, "cannot get random numbers from the kernel");
    }
  }
  return secret;
}

}  // namespace tidegate::kernel
