// SPDX-License-Identifier: Apache-2.0
// TLS secrets inside pcapng files: decryption secrets blocks (draft-ietf-opsawg-pcapng, 4.7).
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "agent/base/error.hpp"

namespace tidegate::inspect {

// Hands the key log text of every block to `take`, in order: whole lines, unless one is longer than 64 KiB. The text is
// wiped after the call. Nothing for a pcap file. Reads with pread() only, so the position of `file` stays; a pipe is
// kUnsupported (secret_stream.hpp). kDataLoss: damaged, with the offset; what was handed over before counts. Bounded
// memory, one pass.
Status read_secrets(int file, const std::function<void(std::string_view lines)>& take);

}  // namespace tidegate::inspect
