// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "agent/base/address.hpp"

namespace tidegate::inspect::http {

bool is_trusted(std::span<const Prefix> proxies, const Address& address);

// The rightmost element that is not itself a trusted proxy: the last thing that somebody trusted has written.
struct Rightmost {
  std::optional<Address> address;  // none: it is no address
  bool decides = false;            // false: there are trusted proxies only, and what stands before counts
};

// Of an X-Forwarded-For value. Looks at 32 elements at most.
Rightmost forwarded_for(std::string_view value, std::span<const Prefix> proxies);

// Likewise of the "for" parameters of a Forwarded value (RFC 7239).
Rightmost forwarded(std::string_view value, std::span<const Prefix> proxies);

}  // namespace tidegate::inspect::http
