// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them: at most five characters and a unit.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tidegate::cli {

std::string short_count(double count);                         // "0", "950", "1.2k", "34.5M"
std::string short_bits(double bits_per_second);                // "0 bit/s", "1.2 Mbit/s"
std::string short_bytes(std::uint64_t bytes);                  // "512 B", "64.0 MB" (powers of 1000)
std::string short_age(std::chrono::seconds age);               // "42s", "2h 14m", "3d 4h"
std::string percent(std::uint64_t part, std::uint64_t whole);  // "12 %", "0.3 %"; "-" of nothing

}  // namespace tidegate::cli
