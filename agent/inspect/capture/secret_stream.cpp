// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/capture/secret_stream.hpp"

#include <algorithm>
#include <cstring>

#include "agent/inspect/capture/pcapng.hpp"

namespace tidegate::inspect {

void SecretStream::add(Bytes bytes) {
  while (!bytes.empty() && !ended_) {
    const std::size_t used = text_ > 0 ? add_text(bytes) : rest_ > 0 ? skip(bytes) : add_head(bytes);
    bytes = bytes.subspan(used);
  }
}

std::uint32_t SecretStream::number(std::size_t at) const {
  std::uint32_t value = 0;
  std::memcpy(&value, head_.data() + at, sizeof value);
  return swapped_ ? __builtin_bswap32(value) : value;
}

void SecretStream::damaged(const char* what) {
  status_ = std::unexpected(pcapng::damaged(offset_, what));
  ended_ = true;
}

std::size_t SecretStream::skip(Bytes bytes) {
  const std::size_t size = std::min<std::size_t>(bytes.size(), rest_);
  rest_ -= static_cast<std::uint32_t>(size);
  return size;
}

std::size_t SecretStream::add_text(Bytes bytes) {
  const std::size_t size = std::min<std::size_t>(bytes.size(), text_);
  text_ -= static_cast<std::uint32_t>(size);
  take_(bytes.first(size), text_ == 0);
  return size;
}

std::size_t SecretStream::add_head(Bytes bytes) {
  if (held_ == 0) wanted_ = pcapng::kHeader;
  const std::size_t size = std::min(bytes.size(), wanted_ - held_);
  std::ranges::copy(bytes.first(size), head_.begin() + static_cast<std::ptrdiff_t>(held_));
  held_ += size;
  if (held_ < wanted_) return size;
  wanted_ == pcapng::kHeader ? begin_block() : begin_secrets();
  return size;
}

void SecretStream::begin_block() {
  const std::uint32_t type = number(0);
  if (offset_ == 0 && type != pcapng::kSection) {
    ended_ = true;  // not pcapng
    return;
  }
  if (type == pcapng::kSection) begin_section();
  const std::uint32_t size = number(4);
  if (!ended_ && !pcapng::is_block_size(size)) damaged("a block of impossible size");
  if (ended_) return;
  if (type == pcapng::kSecrets) {
    if (size < pcapng::kSecretsFrame) return damaged("a secrets block of impossible size");
    wanted_ = head_.size();
    return;
  }
  rest_ = size - pcapng::kHeader;
  offset_ += size;
  held_ = 0;
}

void SecretStream::begin_section() {
  const std::uint32_t order = number(8);
  if (order == pcapng::kByteOrder) return;
  if (__builtin_bswap32(order) != pcapng::kByteOrder) return damaged("a section of no byte order");
  swapped_ = !swapped_;
}

void SecretStream::begin_secrets() {
  const std::uint32_t size = number(4);
  const std::uint32_t text = number(12);
  const bool of_tls = number(8) == pcapng::kTlsKeyLog;
  if (of_tls && text > size - pcapng::kSecretsFrame) return damaged("secrets longer than their block");
  text_ = of_tls ? text : 0;
  rest_ = size - static_cast<std::uint32_t>(head_.size()) - text_;
  offset_ += size;
  held_ = 0;
}

}  // namespace tidegate::inspect
