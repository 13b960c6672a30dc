// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "agent/base/address.hpp"

namespace tidegate::inspect::http {

bool is_trusted(std::span<const Prefix> proxies, const Address& address);

// The rightmost address of an X-Forwarded-For value that is not itself a trusted proxy: the last one that somebody
// trusted has written. nullopt: there is none, or what stands there is no address. Looks at 32 elements at most.
std::optional<Address> forwarded_for(std::string_view value, std::span<const Prefix> proxies);

// Likewise of the "for" parameters of a Forwarded value (RFC 7239).
std::optional<Address> forwarded(std::string_view value, std::span<const Prefix> proxies);

}  // namespace tidegate::inspect::http
