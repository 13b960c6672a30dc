// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/inspect/api/matcher.hpp"
#include "agent/inspect/http/exchange.hpp"
#include "agent/inspect/http/hpack.hpp"
#include "agent/inspect/http/http_stream.hpp"
#include "agent/inspect/http/identity_hash.hpp"

namespace tidegate::inspect {

class HttpContext {
 public:
  // A service, ready to be used.
  struct Service {
    struct Identity {
      IdentityField field;
      std::string lower_name;  // of a header field
      http::IdentityHasher hasher;
      std::optional<http::IdentityHasher> before;  // under the key before the present one, while that is kept
    };
    std::string name;
    double payload_sample = 0;
    std::uint32_t payload_body = 0;
    std::optional<Identity> session;
    std::optional<Identity> account;
    api::Matcher* api = nullptr;  // none: the service has no description
  };

  HttpContext(const HttpLimits& limits_, const Settings& settings, SummarySink& sink_, MemoryBudget& budget_,
              Counters& counters_);

  HttpContext(const HttpContext&) = delete;
  HttpContext& operator=(const HttpContext&) = delete;

  void set_settings(const Settings& settings);
  const Settings& settings() const { return settings_; }
  // Changes with the settings, but for the keys of identities; what was taken from them before is no longer valid then.
  std::uint64_t generation() const { return generation_; }
  // Changes with those keys.
  std::uint64_t keys_generation() const { return keys_generation_; }
  const Service* service_of(const Endpoint& server) const;
  std::uint64_t next_connection() { return ++connections_; }
  // True for that share of calls.
  bool draw(double share);

  // nullptr: the memory budget is used up.
  http::Exchange* open();
  void close(http::Exchange* exchange);

  const HttpLimits limits;
  SummarySink& sink;
  MemoryBudget& budget;
  Counters& counters;
  http::HpackMemory hpack_memory;

 private:
  void set_apis();

  Settings settings_;
  void take_keys();

  std::vector<Service> services_;  // in the order of the settings
  // By description; one that stays the same is not compiled again. `api` is what the matcher refers to.
  struct Api {
    std::shared_ptr<const ApiDescription> api;
    std::unique_ptr<api::Matcher> matcher;
  };
  std::vector<Api> apis_;
  std::vector<std::unique_ptr<http::Exchange>> free_;
  std::uint64_t generation_ = 0;
  std::uint64_t keys_generation_ = 0;
  std::uint64_t connections_ = 0;
  std::uint64_t chance_;
};

}  // namespace tidegate::inspect
