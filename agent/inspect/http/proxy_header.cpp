// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "agent/inspect/http/http_stream.hpp"
#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect {
namespace {

using State = ProxyHeader::State;

constexpr std::string_view kFirst = "PROXY ";
constexpr std::string_view kSecond("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kLongestFirst = 107;  // with its line end
constexpr std::size_t kSecondHead = 16;
constexpr std::size_t kInet = 12;   // addresses and ports of TCP over IPv4
constexpr std::size_t kInet6 = 36;  // and over IPv6

unsigned byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(port) : std::nullopt;
}

// "TCP4 192.0.2.1 198.51.100.1 56324 443", without the line end. "UNKNOWN HTTP/1.1" makes the line a request.
ProxyHeader read_first_line(std::string_view line, std::size_t size) {
  const std::string_view protocol = http::take_until(line, ' ');
  if (protocol == "UNKNOWN" && line.starts_with("HTTP/")) return {State::kNone, 0, std::nullopt};
  if (protocol == "UNKNOWN") return {State::kThere, size, std::nullopt};
  const auto source = Address::parse(http::take_until(line, ' '));
  const auto destination = Address::parse(http::take_until(line, ' '));
  const auto port = port_of(http::take_until(line, ' '));
  const bool v4 = protocol == "TCP4";
  if ((!v4 && protocol != "TCP6") || !source || !destination || !port || !port_of(line) || (v4 && !source->is_v4())) {
    return {State::kMalformed, 0, std::nullopt};
  }
  return {State::kThere, size, Endpoint{*source, *port}};
}

ProxyHeader read_first(std::string_view text) {
  const std::string_view head = text.substr(0, kLongestFirst);
  const std::size_t end = head.find("\r\n");
  if (end == std::string_view::npos) {
    return {head.size() == kLongestFirst ? State::kMalformed : State::kIncomplete, 0, std::nullopt};
  }
  return read_first_line(head.substr(kFirst.size(), end - kFirst.size()), end + 2);
}

// What follows the addresses (TLVs) is inside of `size` and not looked at.
ProxyHeader read_second(std::string_view text) {
  if (text.size() < kSecondHead) return {State::kIncomplete, 0, std::nullopt};
  const unsigned command = byte_at(text, 12);
  const unsigned family = byte_at(text, 13);
  const std::size_t length = byte_at(text, 14) << 8 | byte_at(text, 15);
  const bool local = command == 0x20;
  if (!local && command != 0x21) return {State::kMalformed, 0, std::nullopt};
  const std::size_t needed = family == 0x11 ? kInet : family == 0x21 ? kInet6 : 0;
  if (!local && length < needed) return {State::kMalformed, 0, std::nullopt};
  if (text.size() < kSecondHead + length) return {State::kIncomplete, 0, std::nullopt};
  ProxyHeader header{State::kThere, kSecondHead + length, std::nullopt};
  if (local || needed == 0) return header;
  const std::size_t address = needed == kInet ? 4 : 16;
  const std::size_t port = kSecondHead + 2 * address;
  header.client =
      Endpoint{Address::from_bytes(reinterpret_cast<const unsigned char*>(text.data()) + kSecondHead, address),
               static_cast<std::uint16_t>(byte_at(text, port) << 8 | byte_at(text, port + 1))};
  return header;
}

// -1: `text` begins otherwise, 0: it may yet, 1: it begins so.
int begins(std::string_view text, std::string_view with) {
  const std::size_t common = std::min(text.size(), with.size());
  if (text.substr(0, common) != with.substr(0, common)) return -1;
  return common == with.size() ? 1 : 0;
}

}  // namespace

ProxyHeader read_proxy_header(Bytes beginning) {
  const std::string_view text = http::text_of(beginning);
  const int first = begins(text, kFirst);
  const int second = begins(text, kSecond);
  if (first > 0) return read_first(text);
  if (second > 0) return read_second(text);
  return {first < 0 && second < 0 ? State::kNone : State::kIncomplete, 0, std::nullopt};
}

}  // namespace tidegate::inspect
