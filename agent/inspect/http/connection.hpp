// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/inspect/http/context.hpp"
#include "agent/inspect/http/request_fields.hpp"

namespace tidegate::inspect::http {

// Why an exchange is over.
enum class Ending : std::uint8_t {
  kComplete,
  kReset,       // by a peer, before the response ended
  kUnfinished,  // nothing more is known of it
  kLossy,       // bytes of it were lost
};

// What the readers of one connection share, whatever HTTP it speaks.
class Connection {
 public:
  Connection(HttpContext& context_, const ConnectionFacts& facts_)
      : context(context_), facts(facts_), fields(context_, facts), id_(context_.next_connection()) {}

  // A request that began then. nullptr: the memory budget is used up.
  Exchange* open(WallTime began);
  // From here on the sink knows of it.
  void announce(Exchange& exchange);
  // Hands an announced exchange to the sink and takes it back.
  void finish(Exchange* exchange, Ending ending);
  // Tells that a request which is still coming stalls, if it does and nothing speaks for it. nullopt: it was told, or
  // is not to be; else when it began.
  std::optional<WallTime> tell_stalled(Exchange& exchange, WallTime now);
  // Tells that nobody takes the response to a whole request, which is not all there. True: look again, it may have to
  // be told later.
  bool tell_unread(Exchange& exchange, WallTime now);
  // Takes back one that was not announced.
  void discard(Exchange* exchange) { context.close(exchange); }
  // Counts the connection, once.
  void malformed();
  void not_http() { context.counters.add(Counter::kNotHttp); }

  HttpContext& context;
  ConnectionFacts facts;
  RequestFields fields;

 private:
  void tell(const Exchange& exchange, SummaryKind kind, WallTime now);

  std::uint64_t id_;
  bool malformed_ = false;
};

}  // namespace tidegate::inspect::http
