// SPDX-License-Identifier: Apache-2.0
// Table sizes: from settings, and as struct tg_identity records them.
#pragma once

#include "agent/base/error.hpp"
#include "agent/kernel/datapath.hpp"

namespace tidegate::kernel {

struct Geometry {
  std::uint32_t bucket_sets = 0;  // powers of two, except block_buckets
  std::uint32_t block_buckets = 0;
  std::uint32_t block_filter_lines = 0;
  std::uint32_t flow_sets = 0;
  friend bool operator==(const Geometry&, const Geometry&) = default;
};

// kInvalidArgument names the setting that is too small or too large.
Result<Geometry> geometry_for(const Options& options);

Geometry geometry_of(const tg_identity& identity);

// A new identity with secret seeds from the kernel's random number generator.
Result<tg_identity> make_identity(const Geometry& geometry);

// Secret random bits; never 0.
Result<std::uint64_t> random_secret();

}  // namespace tidegate::kernel
