// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/locked_memory.hpp"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <new>
#include <optional>

namespace tidegate::inspect {
namespace {

// Address space of this process in bytes.
std::optional<std::uint64_t> mapped() {
  std::uint64_t pages = 0;
  if (!(std::ifstream("/proc/self/statm") >> pages)) return std::nullopt;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

bool limit_has_room_for(std::uint64_t more) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;
  if (limit.rlim_cur == RLIM_INFINITY) return true;
  const auto now = mapped();
  return now && *now <= limit.rlim_cur && more <= limit.rlim_cur - *now;
}

}  // namespace

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

bool lock_whole_process(std::uint64_t more) {
  return limit_has_room_for(more) && ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

}  // namespace tidegate::inspect
