// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/sandbox/landlock.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "agent/base/unique_fd.hpp"

namespace tidegate::inspect::sandbox {
namespace {

// struct landlock_ruleset_attr as of ABI 6; older kernels take its beginning.
struct Attributes {
  std::uint64_t files = 0;
  std::uint64_t network = 0;
  std::uint64_t scopes = 0;
};

constexpr std::uint64_t bits(unsigned count) { return (std::uint64_t{1} << count) - 1; }

// Access rights that each version of the interface knows, from version 1.
constexpr std::array<unsigned, 5> kFileRights{13, 14, 15, 15, 16};

Attributes everything(std::size_t abi) {
  return {.files = bits(kFileRights[(abi < kFileRights.size() ? abi : kFileRights.size()) - 1]),
          .network = abi >= 4 ? bits(2) : 0,
          .scopes = abi >= 6 ? bits(2) : 0};
}

std::size_t size_for(std::size_t abi) {
  if (abi >= 6) return sizeof(Attributes);
  return abi >= 4 ? offsetof(Attributes, scopes) : offsetof(Attributes, network);
}

}  // namespace

bool forbid_file_system() {
  constexpr unsigned kAskVersion = 1;
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, kAskVersion);
  if (abi < 1) return false;
  const Attributes attributes = everything(static_cast<std::size_t>(abi));
  const UniqueFd rules(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size_for(static_cast<std::size_t>(abi)), 0)));
  return rules && syscall(SYS_landlock_restrict_self, rules.get(), 0) == 0;
}

}  // namespace tidegate::inspect::sandbox
