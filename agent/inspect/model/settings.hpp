// SPDX-License-Identifier: Apache-2.0
// What the inspector is told: which services to look into, and how their users are told apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/inspect/model/api_description.hpp"
#include "agent/inspect/model/hash_key.hpp"

namespace tidegate::inspect {

// Where an identity is found in a request. Its value leaves the sandbox as a keyed hash only.
struct IdentityField {
  enum class Where : std::uint8_t {
    kCookie,    // by name
    kHeader,    // by name, any case
    kJwtClaim,  // of the bearer token; its signature is not checked
    kJson,      // JSON pointer (RFC 6901) into the body
    kForm,      // field of an application/x-www-form-urlencoded body
    kBasic,     // user name of basic authentication (RFC 7617)
  };
  Where where = Where::kCookie;
  std::string name;  // empty for kBasic

  friend bool operator==(const IdentityField&, const IdentityField&) = default;
};

struct InspectedService {
  std::string name;
  std::vector<std::pair<std::uint16_t, std::uint16_t>> ports;  // TCP, inclusive; empty: every port
  std::vector<Prefix> addresses = {};                          // of the server; empty: every one
  std::optional<IdentityField> session = std::nullopt;
  std::optional<IdentityField> account = std::nullopt;
  bool excluded = false;  // not inspected: it only keeps its connections from the services that follow
  // The share of its requests whose payload is handed to the examiner, and how much of the body at most goes with it.
  double payload_sample = 0;
  std::uint32_t payload_body = 0;  // bytes, at most kMostPayloadBody
  std::uint32_t api = 0;           // its description in Settings::apis, from 1; 0: it has none

  friend bool operator==(const InspectedService&, const InspectedService&) = default;
};

struct Settings {
  std::vector<InspectedService> services;                   // the first that matches a server endpoint wins
  std::vector<std::shared_ptr<const ApiDescription>> apis;  // none is null
  bool everything = false;                                  // offline: connections of no service are inspected too
  std::vector<Prefix> trusted_proxies;                      // whose PROXY headers and X-Forwarded-For are believed
  std::uint64_t memory_bytes = 256'000'000;                 // for all workers together
  double sample = 1.0;  // share of connections that are inspected, by hash of the flow
  // Which connections those are: 0 offline, so that they are always the same; live secret, and not replaced, or running
  // connections would fall out.
  std::uint64_t sample_seed = 0;
  HashKey identity_key{};                                     // replaced daily by the agent; never stored
  std::optional<HashKey> identity_key_before = std::nullopt;  // the one before, as long as windows may reach back to it
};

// The inspected service that a server endpoint belongs to; nullptr: none.
const InspectedService* service_of(const Settings& settings, const Address& address, std::uint16_t port);

}  // namespace tidegate::inspect
