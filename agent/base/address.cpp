// SPDX-License-Identifier: Apache-2.0
#include "agent/base/address.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <string>

namespace tidegate {
namespace {

constexpr std::uint64_t kMapped = 0xffffULL << 32;

std::uint64_t load_big_endian(const unsigned char* bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

void store_big_endian(std::uint64_t value, unsigned char* bytes) {
  for (int i = 7; i >= 0; --i, value >>= 8) bytes[i] = static_cast<unsigned char>(value);
}

// The bits of one half that a prefix of `length` (0 … 64) keeps.
std::uint64_t mask_of(unsigned length) { return length == 0 ? 0 : ~0ULL << (64 - length); }

Address masked(Address a, unsigned length) {
  if (length >= 64) return {a.hi, a.lo & mask_of(length - 64)};
  return {a.hi & mask_of(length), 0};
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN + 1> buffer{};
  const auto bad = [&] {
    return fail(ErrorCode::kInvalidArgument,
                "'" + std::string(text.substr(0, 64)) + "' is not an IPv4 or IPv6 address");
  };
  if (text.size() >= buffer.size() || text.find('\0') != text.npos) return bad();
  text.copy(buffer.data(), text.size());
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET, buffer.data(), bytes.data()) == 1) return from_bytes(bytes.data(), 4);
  if (inet_pton(AF_INET6, buffer.data(), bytes.data()) == 1) return from_bytes(bytes.data(), 16);
  return bad();
}

Address Address::from_v4(std::uint32_t host_order) { return {0, kMapped | host_order}; }

Address Address::from_bytes(const unsigned char* bytes, std::size_t size) {
  if (size == 4) {
    return from_v4(static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
                   static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3]);
  }
  return {load_big_endian(bytes), load_big_endian(bytes + 8)};
}

std::string Address::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  std::array<unsigned char, 16> bytes{};
  store_big_endian(hi, bytes.data());
  store_big_endian(lo, bytes.data() + 8);
  if (is_v4()) {
    inet_ntop(AF_INET, bytes.data() + 12, buffer.data(), buffer.size());
  } else {
    inet_ntop(AF_INET6, bytes.data(), buffer.data(), buffer.size());
  }
  return buffer.data();
}

Result<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  TIDEGATE_ASSIGN(const Address address, Address::parse(text.substr(0, slash)));
  if (slash == text.npos) return host(address);
  const unsigned most = text.find(':') == text.npos ? 32 : 128;
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool leading_zero = digits.size() > 1 && digits.front() == '0';
  if (error != std::errc{} || end != digits.data() + digits.size() || length > most || leading_zero) {
    return fail(ErrorCode::kInvalidArgument,
                "'" + std::string(text.substr(0, 64)) + "' has no prefix length between 0 and " + std::to_string(most));
  }
  const Prefix prefix = around(address, most == 32 ? length + 96 : length);
  if (prefix.address != address) {
    return fail(ErrorCode::kInvalidArgument, "'" + std::string(text) + "' has host bits set; the prefix is " +
                                                 prefix.address.to_string() + "/" + std::to_string(length));
  }
  return prefix;
}

Prefix Prefix::around(Address address, unsigned length) {
  return {masked(address, length), static_cast<std::uint8_t>(length)};
}

bool Prefix::contains(Address other) const { return is_v4() == other.is_v4() && masked(other, length) == address; }

Address Prefix::last() const {
  if (length >= 64) return {address.hi, address.lo | ~mask_of(length - 64U)};
  return {address.hi | ~mask_of(length), ~0ULL};
}

std::string Prefix::to_string() const {
  if (is_host()) return address.to_string();
  return address.to_string() + "/" + std::to_string(shown_length());
}

}  // namespace tidegate
