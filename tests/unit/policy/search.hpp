// SPDX-License-Identifier: Apache-2.0
// Asks the compiled tables with the datapath's own searches.
#pragma once

#include "agent/base/address.hpp"
#include "bpf/stage/tables.h"

namespace tidegate::policy {

// False: certainly not in the table.
inline bool address_maybe(const tg_address_table& table, Address a) {
  return tg_address_maybe(&table, a.hi, a.lo, a.is_v4() ? 1 : 0) != 0;
}

inline unsigned address_value(const tg_address_table& table, Address a) {
  return address_maybe(table, a) ? tg_address_value(&table, a.hi, a.lo) : 0;
}

}  // namespace tidegate::policy
