// SPDX-License-Identifier: Apache-2.0
// Captured bytes as the datapath would have received them: with an Ethernet header, at full length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/base/address.hpp"

namespace tidegate::cli {

enum class LinkType { kEthernet, kRawIp, kLinuxCooked, kLinuxCooked2, kNull };

// From a DLT_ number of libpcap; none: not a kind of capture that can be replayed.
std::optional<LinkType> link_type_of(int dlt);

// The frame, or none when it never was ingress IP traffic: sent by the capturing host itself (known of cooked captures
// only), cut inside its link header, or no IP version behind a header that does not say what follows.
// `length` is that on the wire: what the capture cut off is made up with zeros, so that IP lengths fit.
std::optional<std::vector<std::byte>> to_frame(LinkType link, std::span<const std::byte> captured, std::size_t length);

// Source address of an Ethernet frame, behind up to two VLAN tags; none when it is not IP.
std::optional<Address> source_of(std::span<const std::byte> frame);

}  // namespace tidegate::cli
