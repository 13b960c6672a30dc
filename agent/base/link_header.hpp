// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/if_arp.h>

namespace tidegate {

// Whether devices of this type (ARPHRD_…) give packets from the IP header on, without a link header.
constexpr bool is_raw_ip(unsigned device_type) {
  switch (device_type) {
    case ARPHRD_NONE:  // tun, WireGuard
    case ARPHRD_RAWIP:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
      return true;
    default:
      return false;
  }
}

}  // namespace tidegate
