// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/inspect/tls/feed.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tidegate::inspect::test {

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

void Collector::check(Direction direction) {
  if (establishments != 1 || !ends[index_of(direction)].empty()) misused = true;
}

void Collector::established(TlsVersion its_version, const std::string& its_sni, const std::string& its_alpn,
                            const std::string& its_ja4) {
  ++establishments;
  version = its_version;
  sni = its_sni;
  alpn = its_alpn;
  ja4 = its_ja4;
}

void Collector::data(Direction direction, Bytes bytes, WallTime time) {
  check(direction);
  heard[index_of(direction)].append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (order.empty() || order.back() != direction) order.push_back(direction);
  std::uint64_t& left = ignored[index_of(direction)];
  left -= std::min<std::uint64_t>(left, bytes.size());
  last = time;
}

void Collector::skipped(Direction direction, std::uint64_t size, WallTime) {
  check(direction);
  std::uint64_t& left = ignored[index_of(direction)];
  if (size > left) misused = true;
  left -= std::min(left, size);
  heard[index_of(direction)].append(size, '~');
}

void Collector::gap(Direction direction, std::uint64_t size, WallTime) {
  check(direction);
  gaps[index_of(direction)].push_back(size);
  heard[index_of(direction)].append(size, '?');
}

void Collector::end(Direction direction, StreamEnd how, WallTime) {
  check(direction);
  ends[index_of(direction)].push_back(how);
}

Flow Bench::flow() { return {{*Address::parse("192.0.2.7"), 40001}, {*Address::parse("198.51.100.1"), 443}}; }

std::string Bench::extension(std::uint16_t cipher) {
  return fmt::format(" tcp 192.0.2.7:40001 198.51.100.1:443 0x{:04x}", cipher);
}

void Bench::add_keys(const Transcript& transcript, const std::string& only, const std::string& with) {
  for (const std::string& line : transcript.keys) {
    if (line.starts_with(only)) keys.add_line(line + with, counters);
  }
}

void Bench::feed(TlsStream& stream, const Transcript& transcript, std::size_t step, bool ends) {
  for (const Piece& piece : transcript.pieces) {
    now += std::chrono::milliseconds(1);
    const std::size_t size = step == 0 ? piece.bytes.size() : step;
    for (std::size_t at = 0; at < piece.bytes.size(); at += size) {
      stream.data(piece.direction, bytes_of(piece.bytes).subspan(at, std::min(size, piece.bytes.size() - at)), now);
    }
  }
  if (!ends) return;
  stream.end(Direction::kToServer, StreamEnd::kFinished, now);
  stream.end(Direction::kToClient, StreamEnd::kFinished, now);
}

}  // namespace tidegate::inspect::test
