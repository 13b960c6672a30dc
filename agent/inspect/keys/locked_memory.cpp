// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/locked_memory.hpp"

#include <openssl/crypto.h>
#include <sys/mman.h>

#include <new>

namespace tidegate::inspect {

LockedMemory::LockedMemory(std::size_t size, bool lock) : size_(size), all_(lock) {
  data_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data_ == MAP_FAILED) throw std::bad_alloc();
  ::madvise(data_, size, MADV_DONTDUMP);
  ::madvise(data_, size, MADV_DONTFORK);
  locked_ = lock && ::mlock(data_, size) == 0;
}

LockedMemory::~LockedMemory() {
  if (data_ == nullptr) return;
  // Wiping pages that were never written would make them take memory; the kernel zeroes what it takes back.
  if (all_) OPENSSL_cleanse(data_, size_);
  ::munmap(data_, size_);
}

}  // namespace tidegate::inspect
