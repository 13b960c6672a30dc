// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tls/handshake_reader.hpp"

#include <algorithm>
#include <cstring>

namespace tidegate::inspect {
namespace {

bool is_read(HandshakeType type) {
  return type == HandshakeType::kClientHello || type == HandshakeType::kServerHello ||
         type == HandshakeType::kEncryptedExtensions || type == HandshakeType::kKeyUpdate;
}

std::size_t longest(HandshakeType type) {
  return type == HandshakeType::kClientHello ? HandshakeReader::kLongestClientHello : HandshakeReader::kLongestOther;
}

}  // namespace

std::size_t HandshakeReader::length() const {
  return std::to_integer<std::size_t>(header_[1]) << 16 | std::to_integer<std::size_t>(header_[2]) << 8 |
         std::to_integer<std::size_t>(header_[3]);
}

void HandshakeReader::clear() {
  header_size_ = 0;
  left_ = 0;
  delivered_ = false;
  kept_ = {};
}

// Grows with what came, and never beyond what the message says of itself, which is within bounds.
void HandshakeReader::keep(Bytes part) {
  const std::size_t size = kept_.size() + part.size();
  if (size > kept_.capacity()) kept_.reserve(std::min(length(), std::max(size, 2 * kept_.capacity())));
  kept_.insert(kept_.end(), part.begin(), part.end());
}

HandshakeReader::Step HandshakeReader::next(Bytes& bytes, Message& message) {
  if (delivered_) clear();
  if (header_size_ < kHeader) {
    const std::size_t size = std::min<std::size_t>(kHeader - header_size_, bytes.size());
    if (size != 0) std::memcpy(header_ + header_size_, bytes.data(), size);
    header_size_ = static_cast<std::uint8_t>(header_size_ + size);
    bytes = bytes.subspan(size);
    if (header_size_ < kHeader) return Step::kNeedsMore;
    left_ = length();
    keep_ = is_read(static_cast<HandshakeType>(header_[0]));
    if (keep_ && left_ > longest(static_cast<HandshakeType>(header_[0]))) return Step::kTooLong;
  }
  message.type = static_cast<HandshakeType>(header_[0]);
  const Bytes part = bytes.first(std::min(left_, bytes.size()));
  bytes = bytes.subspan(part.size());
  left_ -= part.size();
  const bool whole = left_ == 0 && kept_.empty();
  if (keep_ && !whole) keep(part);
  if (left_ != 0) return Step::kNeedsMore;
  message.body = !keep_ ? Bytes{} : whole ? part : Bytes(kept_);
  header_size_ = 0;
  delivered_ = !kept_.empty();
  return Step::kMessage;
}

}  // namespace tidegate::inspect
