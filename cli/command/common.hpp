// SPDX-License-Identifier: Apache-2.0
// What several commands print or ask in the same way.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "cli/context.hpp"
#include "cli/outcome.hpp"
#include "tidegate/v1/decisions.pb.h"

namespace tidegate::cli {

namespace v1 = ::tidegate::v1;

// The client's address and port of the SSH session that this command runs in: the guard protects it.
std::vector<std::string> caller_peers(const Environment& environment);

// "until 2030-01-01T01:00:00Z", "until removed".
std::string until(const v1::Decision& decision);
// "2030-01-01T01:00:00Z (in 59m)", "never".
std::string expiry(bool has, const google::protobuf::Timestamp& time, const Clock& clock);

// Targets as the contract has them; host bits and nonsense are refused before anybody is asked.
Outcome<> check_targets(const std::vector<std::string>& targets);
Outcome<> check_address(const std::string& address);

std::string joined(const std::vector<std::string>& words, const std::string& separator);
std::string plural(std::uint64_t count, const std::string& noun);  // "1 decision", "2 decisions"

// "block 203.0.113.7 by feed:x until …", for what else covers or what was overridden.
std::string summary(const v1::Decision& decision);

}  // namespace tidegate::cli
