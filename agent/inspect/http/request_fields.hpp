// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "agent/inspect/http/context.hpp"
#include "agent/inspect/http/field.hpp"
#include "agent/inspect/http/target.hpp"

namespace tidegate::inspect::http {

// Takes what a summary may hold out of the fields of requests. One per connection.
class RequestFields {
 public:
  RequestFields(HttpContext& context, const ConnectionFacts& facts) : context_(context), facts_(facts) {}

  // The settings as they are now apply to this request.
  void begin(Exchange& exchange);
  void method(Exchange& exchange, std::string_view method);
  // Needs the method.
  void target(Exchange& exchange, std::string_view target);
  // A target that is known to be no authority, whatever the method (RFC 9113, 8.3.1).
  void path(Exchange& exchange, std::string_view path);
  void field(Exchange& exchange, Field known, std::string_view name, std::string_view value);
  // The end of the head: whether content is wanted is known now.
  void head_ends(Exchange& exchange);
  void content(Exchange& exchange, std::string_view bytes);
  // The end of the request; also when it ends early.
  void request_ends(Exchange& exchange);
  // The payload of a request that was sampled goes to the sink, once, and is wiped.
  void pass_payload(Exchange& exchange);

 private:
  using Identity = HttpContext::Service::Identity;

  struct Hashes {
    std::optional<IdentityHash> now;
    std::optional<IdentityHash> before;
  };
  // The hashes of the value seen last, because a client repeats it.
  struct Remembered {
    explicit Remembered(MemoryBudget& budget) : value(budget) {}
    KeptBytes value;
    Hashes hashes;
    std::uint64_t generation = 0;  // of the keys; 0: nothing is remembered
  };

  void refresh();
  // nullptr: none, or the settings have changed since the request began.
  const HttpContext::Service* service_of(const Exchange& exchange) const;
  void apply(Exchange& exchange, const Target& target);
  void judge(Exchange& exchange, std::string_view path, std::string_view query);
  void authority(Exchange& exchange, std::string_view value);
  void proxied(Exchange& exchange, Field known, std::string_view value);
  void identify(Exchange& exchange, Field known, std::string_view name, std::string_view value);
  void keep_payload(Exchange& exchange, std::string_view name, std::string_view value);
  void keep_payload_body(Exchange& exchange, std::string_view bytes);
  void drop_payload(Exchange& exchange);
  void search_body(Exchange& exchange, bool complete);
  Hashes hashes_of(const Identity& identity, Remembered& remembered, std::string_view value);

  HttpContext& context_;
  const ConnectionFacts& facts_;
  const HttpContext::Service* service_ = nullptr;
  std::uint64_t generation_ = 0;  // of what is kept here of the settings; 0: nothing yet
  bool trusted_ = false;          // what the client writes about whom it speaks for is believed
  Remembered session_{context_.budget};
  Remembered account_{context_.budget};
};

}  // namespace tidegate::inspect::http
