// SPDX-License-Identifier: Apache-2.0
// A policy as values: what agent/config parses, agent/policy compiles and compares. docs/policy.md is the grammar.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/base/units.hpp"

namespace tidegate::openapi {
struct Document;
}

namespace tidegate::policy {

// Where in the policy file something stands, from 1; 0: unknown.
struct Location {
  unsigned line = 0;
  unsigned column = 0;
};

struct Issue {
  Location location;
  std::string message;
  bool warning = false;
};

enum class AttachMode { kNative, kGeneric };

struct Interface {
  std::string name;
  AttachMode mode = AttachMode::kNative;
  Location location;
};

// A rate and its burst; no burst: one second's worth (docs/policy.md says the minimum).
struct Limit {
  Rate rate;
  std::optional<std::uint64_t> burst;  // packets or bytes
  Location location;
};

struct NewSources {
  Rate rate;
  double syn_share = 0.25;
  Location location;
};

struct Limits {
  std::optional<Limit> packets;
  std::optional<Limit> bytes;
  std::optional<Limit> syn;
  std::optional<NewSources> new_sources;
};

// `tcp/443`, `udp/1000-2000`, `gre`: inclusive ports; no ports: every packet of the protocol.
struct Match {
  std::uint8_t protocol = 0;
  std::optional<std::pair<std::uint16_t, std::uint16_t>> ports;
  Location location;
};

// Where a request says whose it is. Only a keyed hash of the value leaves the inspector.
struct IdentityField {
  enum class Where {
    kCookie,
    kHeader,
    kJwtClaim,  // of the bearer token
    kJson,      // a JSON pointer into the body
    kForm,
    kBasic,  // the user name of basic authentication
  };
  Where where = Where::kCookie;
  std::string name;  // empty for kBasic
};
std::string format_identity(const IdentityField& field);  // "cookie sid", "json /user", "basic"

// What of its requests' payloads is examined for attacks.
struct Payloads {
  double sample = 0.1;        // share of requests
  std::uint64_t body = 8000;  // bytes of a body, at most
  Location location;
};
inline constexpr std::uint64_t kMostPayloadBody = 32'000;

// Whether this build can examine them.
bool has_payload_examiner();

// What of a service is looked into. The inspector tells TLS from cleartext by itself: `tls` and `http` are two words
// for the same wish.
struct Inspection {
  bool tls = false;
  bool http = false;
  std::optional<IdentityField> session;
  std::optional<IdentityField> account;
  std::optional<Payloads> payloads;
  Location location;  // of the section that asks for it, else of `session` or `account`

  bool wanted() const { return tls || http; }
};

// An OpenAPI document that says which requests there may be.
struct ApiSource {
  std::string file;                                             // as the policy names it
  std::shared_ptr<const openapi::Document> document = nullptr;  // null: not loaded, or it could not be
  std::string edition = {};  // its digest: tells what it said from what its file says later
  std::string problem = {};  // why it could not
  Location location;
};

struct Service {
  std::string name;
  std::vector<Match> match;
  std::vector<Prefix> addresses;  // destinations; empty: every one
  Limits limits;
  bool dry_run = false;
  bool is_default = false;
  Inspection inspection;
  std::optional<ApiSource> openapi;
  Location location;
};

struct SafelistEntry {
  Prefix prefix;
  std::optional<Rate> ceiling;           // none: 1000000/s
  std::optional<std::string> interface;  // only packets that arrive here
  Location location;
};

// Packets from here carry other people's requests: never blocked by address, bounded by a ceiling of their own.
struct TrustedProxy {
  Prefix prefix;
  std::optional<Rate> ceiling;  // none: 1000000/s
  Location location;
};

// A section of later work, in canonical form, so that differences can be shown.
struct KeptSection {
  std::string path;  // "rules.login-bruteforce"
  std::string text;
};

struct Policy {
  std::vector<Interface> interfaces;
  bool enforce = true;
  std::vector<SafelistEntry> safelist;
  std::vector<TrustedProxy> trusted_proxies;
  std::optional<Limit> replies;  // none: 1000000/s
  unsigned ipv4_prefix = 32;
  unsigned ipv6_prefix = 64;
  bool drop_malformed = true;
  bool drop_non_first_fragments = false;
  std::vector<Service> services;
  // Sections that are checked and kept, but not acted on: "rules", …
  std::vector<std::string> not_enforced;
  std::vector<KeptSection> kept;  // what they contain
  std::string text;               // the file as it was read, word for word
};

}  // namespace tidegate::policy
