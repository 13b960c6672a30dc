// SPDX-License-Identifier: Apache-2.0
// Asks the compiled tables as the datapath does.
#pragma once

#include <algorithm>

#include "agent/base/address.hpp"
#include "agent/policy/services.hpp"
#include "bpf/abi/config.h"

namespace tidegate::policy {

// False: certainly not in the table.
inline bool address_maybe(const tg_address_table& table, Address a) {
  const unsigned bit = a.is_v4() ? tg_filter4_bit(a.lo) : tg_filter6_bit(a.hi);
  return ((a.is_v4() ? table.filter4 : table.filter6)[bit / 64] >> (bit % 64) & 1) != 0;
}

inline unsigned address_value(const tg_address_table& table, Address a) {
  if (!address_maybe(table, a)) return 0;
  const auto after = std::upper_bound(table.start, table.start + table.count, a, [](Address x, const tg_address& y) {
    return x < Address{y.hi, y.lo};
  });
  return table.value[after - table.start - 1];
}

}  // namespace tidegate::policy
