// SPDX-License-Identifier: Apache-2.0
// `tidegate why ADDRESS`: everything that matches an address, and what follows from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/attach.hpp"
#include "agent/control/enforcement.hpp"
#include "agent/control/environment.hpp"
#include "agent/control/identity_blocks.hpp"
#include "agent/control/safelist_controller.hpp"

namespace tidegate::control {

struct WhyMatch {
  // "safelist", "proxy", "block", "limit", "monitor", "connection", "bucket", "service", "proven", "interface"
  std::string kind;
  std::string origin;
  std::string target;
  std::string reason;
  std::string evidence;
  std::optional<WallTime> expires;
  std::uint64_t packets = 0;  // estimated from samples
  std::uint64_t bytes = 0;
  std::string undo{};  // the command that takes it back
};

struct WhyReport {
  Address address;
  std::string verdict;  // "pass", "drop", "limit", "safelisted"
  std::vector<WhyMatch> matches;
  std::string summary;
};

// Thread-safe: only reads.
class WhyController {
 public:
  WhyController(const Environment& environment, const Enforcement& enforcement, const AttachController& attach,
                const SafelistController& safelist, const IdentityBlocks& identities)
      : env_(environment), enforcement_(enforcement), attach_(attach), safelist_(safelist), identities_(identities) {}

  // kInvalidArgument: not an address.
  Result<WhyReport> explain(const std::string& address) const;

 private:
  struct Findings;
  Status add_safelist(Findings& found) const;
  void add_proxies(Findings& found) const;
  Status add_decisions(Findings& found) const;
  void add_connections(Findings& found) const;
  void add_buckets(Findings& found) const;
  void add_services(Findings& found) const;
  void add_proven(Findings& found) const;
  void add_interfaces(Findings& found) const;
  void conclude(Findings& found) const;
  void conclude_unspared(Findings& found) const;

  const Environment& env_;
  const Enforcement& enforcement_;
  const AttachController& attach_;
  const SafelistController& safelist_;
  const IdentityBlocks& identities_;
};

}  // namespace tidegate::control
