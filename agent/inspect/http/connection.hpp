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
  // Each counts the connection, once. A reader that had too little memory says nothing of what was sent.
  void malformed();
  void not_http();

  // Around whatever reads for the connection: counts it where memory was refused meanwhile (kEvictedMemory).
  class Watch {
   public:
    explicit Watch(Connection& connection) : connection_(connection) {}
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { connection_.look_for_refusals(before_); }

   private:
    Connection& connection_;
    std::uint64_t before_ = connection_.watch();
  };

  HttpContext& context;
  ConnectionFacts facts;
  RequestFields fields;

 private:
  void tell(const Exchange& exchange, SummaryKind kind, WallTime now);
  std::uint64_t watch() { return watched_since_ = context.budget.refusals(); }
  bool starved() { return look_for_refusals(watched_since_); }
  bool look_for_refusals(std::uint64_t since);

  std::uint64_t id_;
  std::uint64_t watched_since_ = 0;
  bool malformed_ = false;
  bool starved_ = false;  // memory was refused, now or before
};

}  // namespace tidegate::inspect::http
