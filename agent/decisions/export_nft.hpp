// SPDX-License-Identifier: Apache-2.0
// Blocks as nftables sets. Inside tidegate_transfer only.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "agent/decisions/transfer.hpp"

namespace tidegate::decisions {

std::unique_ptr<Exporter> make_nft_exporter(WallTime now, Exporter::Write write);

struct Block {
  Prefix target;
  std::optional<WallTime> expires;
};

struct Interval {
  Address first;
  Address last;
  std::optional<WallTime> expires;
};

// The same blocks without overlap, in order: where several cover an address, the one that lasts longest counts.
void each_disjoint(std::vector<Block> blocks, const std::function<void(const Interval&)>& visit);

}  // namespace tidegate::decisions
