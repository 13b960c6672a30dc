// SPDX-License-Identifier: Apache-2.0
// Addresses and prefixes, IPv4 and IPv6 in one type.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/error.hpp"

namespace tidegate {

// A 128-bit address; IPv4 is kept v4-mapped (::ffff:a.b.c.d). Halves are in host order, like struct tg_address.
struct Address {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;

  // "192.0.2.1" or "2001:db8::1" (RFC 4291, 2.2). No zone, no brackets, no surrounding space.
  static Result<Address> parse(std::string_view text);
  static Address from_v4(std::uint32_t host_order);
  // 4 or 16 bytes in network order.
  static Address from_bytes(const unsigned char* bytes, std::size_t size);

  bool is_v4() const { return hi == 0 && (lo >> 32) == 0xffff; }
  std::string to_string() const;  // IPv6 as in RFC 5952

  friend auto operator<=>(const Address&, const Address&) = default;
};

// An address range of 2^n: no bit set beyond `length`.
struct Prefix {
  Address address;
  std::uint8_t length = 128;  // of the 128-bit form: 192.0.2.0/24 has 120

  // "192.0.2.0/24", "2001:db8::/32", or a bare address, which is its host prefix.
  // Host bits set is kInvalidArgument, and the message names the prefix that was meant.
  static Result<Prefix> parse(std::string_view text);
  static Prefix host(Address address) { return {address, 128}; }
  // The prefix of `length` (of the 128-bit form) around an address.
  static Prefix around(Address address, unsigned length);

  bool is_v4() const { return address.is_v4() && length >= 96; }
  bool is_host() const { return length == 128; }
  // As written by people: 24 for 192.0.2.0/24.
  unsigned shown_length() const { return is_v4() ? length - 96U : length; }
  // Families are apart: ::/0 is every IPv6 address and no IPv4 one, though those are kept v4-mapped.
  bool contains(Address other) const;
  bool contains(const Prefix& other) const {
    return is_v4() == other.is_v4() && length <= other.length && contains(other.address);
  }
  bool overlaps(const Prefix& other) const { return contains(other) || other.contains(*this); }
  Address last() const;           // the highest address inside
  std::string to_string() const;  // a host prefix without "/32" or "/128"

  friend auto operator<=>(const Prefix&, const Prefix&) = default;
};

}  // namespace tidegate
