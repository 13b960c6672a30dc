// SPDX-License-Identifier: Apache-2.0
// Settings, cut into messages and put together again.
#pragma once

#include <vector>

#include "agent/inspect/wire/messages.hpp"

namespace tidegate::inspect::wire {

inline constexpr std::size_t kMostServices = 4096;
inline constexpr std::size_t kMostPrefixes = 65'536;  // of one list
inline constexpr std::size_t kMostPorts = 65'536;
inline constexpr std::size_t kMostName = 256;

// Whole messages, ready to be sent one after the other; the first has the keys of identities, so it is to be wiped.
// kResourceExhausted: more than kMostSettingsBytes.
Result<std::vector<std::vector<std::byte>>> encode_settings(const Settings& settings);

// Used by one thread.
class SettingsAssembler {
 public:
  // The settings when their last part has come, else nullopt. An error (out of turn, too long, unreadable) drops what
  // came so far.
  Result<std::optional<Settings>> add(const SettingsPart& part);

 private:
  void drop();

  SecretBytes bytes_;  // with the key of identities
  bool begun_ = false;
};

}  // namespace tidegate::inspect::wire
