// SPDX-License-Identifier: Apache-2.0
// What the process and the machine must offer before anything is loaded; each lack is one line with its remedy.
#pragma once

#include <cstdint>
#include <filesystem>

#include "agent/base/error.hpp"

namespace tidegate::kernel {

// Effective capabilities as a bit set, by number of <linux/capability.h>.
std::uint64_t effective_capabilities();

// CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN (CAP_SYS_ADMIN stands for the first two). `effective` as above.
// CAP_NET_RAW is not needed by this part and not asked for here.
Status check_capabilities(std::uint64_t effective);

// `directory`, or its nearest existing parent, is on a mounted bpf file system; no component below has a dot,
// which that file system refuses.
Status check_bpf_filesystem(const std::filesystem::path& directory);

// The kernel describes its types (BTF), which CO-RE needs.
Status check_btf(const std::filesystem::path& file = "/sys/kernel/btf/vmlinux");

}  // namespace tidegate::kernel
