// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/model/hash_key.hpp"

namespace tidegate::inspect {

HashKey::HashKey(const HashKey& other) = default;
HashKey& HashKey::operator=(const HashKey& other) = default;

HashKey::HashKey(HashKey&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }

HashKey& HashKey::operator=(HashKey&& other) noexcept {
  if (this == &other) return *this;
  bytes_ = other.bytes_;
  other.wipe();
  return *this;
}

HashKey::~HashKey() { wipe(); }

void HashKey::wipe() { ::explicit_bzero(bytes_.data(), bytes_.size()); }

}  // namespace tidegate::inspect
