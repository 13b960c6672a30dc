// SPDX-License-Identifier: Apache-2.0
// Reads the requests of a capture, in sandboxed processes, for whoever wants to see them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/inspect/model/settings.hpp"
#include "agent/inspect/wire/messages.hpp"
#include "cli/context.hpp"
#include "cli/inspect/view.hpp"
#include "cli/outcome.hpp"

namespace tidegate::cli {

struct CaptureFiles {
  std::string pcap;
  std::vector<std::string> keylogs;
  std::optional<std::string> payload_rules = std::nullopt;  // directory of the Core Rule Set; else that of the settings
};
inline constexpr const char* kPayloadRulesHelp =
    "OWASP Core Rule Set, by which payloads are examined where the policy asks for it";

// Hashes of identities mean something within one run only: the key is new each time.
Outcome<> draw_identity_key(inspect::Settings& settings);

struct Reading {
  inspect::wire::Finished finished;
  std::string unexamined = {};     // why payloads that should be examined were not; empty: they were
  bool examination_began = false;  // and then broke off
};

// Hands every request to the view, in the order in which they began, and flushes it whenever there is a pause and at
// the end. Shows progress; says what the process complains of. With `examine`, the payload of every request of a
// service that asks for samples is examined, and what was found comes as kPayload, in its turn among the requests that
// begin when its own ends. kInterrupted: the user wants to stop.
Outcome<Reading> read_capture(Context& context, const CaptureFiles& files, inspect::Settings settings, bool examine,
                              RequestView& view);

// What is to be said and returned when all was read: the capture may have been damaged, or not all of it seen. An
// examination that broke off is a failure; one that never began is one if the result `needs_payloads`, else it is said.
Outcome<> conclude_reading(Context& context, const std::string& pcap, const Reading& reading, bool needs_payloads);

}  // namespace tidegate::cli
