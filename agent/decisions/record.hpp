// SPDX-License-Identifier: Apache-2.0
// Decisions as bytes, for the spool: written and read by one process, so in its own byte order.
// Inside tidegate_decisions only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/decisions/decision.hpp"

namespace tidegate::decisions {

// What of a record has a fixed size; its texts follow.
struct RecordHead {
  std::uint64_t address_hi = 0;
  std::uint64_t address_lo = 0;
  std::int64_t expires = 0;  // nanoseconds since 1970
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint32_t packets_per = 0;  // seconds; 0: no such rate
  std::uint32_t bytes_per = 0;
  std::uint16_t origin_size = 0;
  std::uint16_t reason_size = 0;
  std::uint16_t actor_size = 0;
  std::uint8_t length = 0;
  std::uint8_t action = 0;
  std::uint8_t expires_at_all = 0;
  std::uint8_t forced = 0;
  std::uint8_t unused[6] = {};

  std::size_t size() const { return sizeof *this + origin_size + reason_size + actor_size; }
};

inline constexpr std::size_t kMostRecord = sizeof(RecordHead) + kMostReasonBytes + 2 * kMostNameBytes;

// Appends a valid decision (see validate()).
void write_record(const NewDecision& decision, std::vector<char>& out);
// `bytes` holds a whole record.
RecordHead read_head(const char* bytes);
// Reuses what `decision` has allocated.
void read_record(const char* bytes, NewDecision& decision);

}  // namespace tidegate::decisions
