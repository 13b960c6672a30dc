// SPDX-License-Identifier: Apache-2.0
// Nested prefixes with a number each, flattened to the disjoint ranges of struct tg_address_table.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/base/address.hpp"
#include "bpf/abi/config.h"

namespace tidegate::policy {

struct NumberedPrefix {
  Prefix prefix;
  std::uint16_t value = 0;  // 0 is "not in the table"
};

// For each prefix, the index of the narrowest other one that covers it. `sorted` is in ascending order, no prefix
// twice.
std::vector<std::optional<std::size_t>> parents_of(const std::vector<Prefix>& sorted);

struct AddressRange {
  Address start;
  std::uint16_t value = 0;
};

// The ranges, starting with 0::0; the longest prefix wins. `prefixes` may be in any order, no prefix twice.
std::vector<AddressRange> flatten(std::vector<NumberedPrefix> prefixes);

// Writes ranges (at most TG_ADDRESS_RANGES) and the filters of the prefixes they came from.
void fill_table(const std::vector<AddressRange>& ranges, const std::vector<NumberedPrefix>& prefixes,
                tg_address_table& table);

}  // namespace tidegate::policy
