// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/kept_bytes.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace tidegate::inspect::http {

bool KeptBytes::append(std::string_view bytes) {
  if (bytes.size() > capacity_ - end_ && !grow(bytes.size())) return false;
  if (!bytes.empty()) std::memcpy(memory_.get() + end_, bytes.data(), bytes.size());
  end_ += bytes.size();
  return true;
}

bool KeptBytes::grow(std::size_t more) {
  const std::size_t wanted = std::max<std::size_t>({64, 2 * size(), size() + more});
  if (!budget_->take(wanted)) return false;
  auto larger = std::make_unique_for_overwrite<char[]>(wanted);
  const std::size_t kept = size();
  if (kept > 0) std::memcpy(larger.get(), memory_.get() + begin_, kept);
  release();
  memory_ = std::move(larger);
  capacity_ = wanted;
  end_ = kept;
  return true;
}

void KeptBytes::consume(std::size_t size) {
  begin_ += size;
  if (begin_ == end_) release();
}

void KeptBytes::release() {
  if (!memory_) return;
  OPENSSL_cleanse(memory_.get(), capacity_);
  memory_.reset();
  budget_->give_back(capacity_);
  capacity_ = begin_ = end_ = 0;
}

}  // namespace tidegate::inspect::http
