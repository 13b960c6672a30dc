// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/connection.hpp"

#include <algorithm>

namespace tidegate::inspect::http {

Exchange* Connection::open(WallTime began) {
  Exchange* exchange = context.open();
  if (exchange == nullptr) return nullptr;
  exchange->summary.began = began;
  exchange->last = began;
  fields.begin(*exchange);
  return exchange;
}

void Connection::announce(Exchange& exchange) { exchange.summary.sequence = context.sink.began(); }

void Connection::finish(Exchange* exchange, Ending ending) {
  Summary& summary = exchange->summary;
  if (exchange->owner != id_) {
    summary.connection = facts;
    exchange->owner = id_;
  }
  summary.connection.proven = facts.proven;
  summary.duration = std::max(exchange->last - summary.began, std::chrono::nanoseconds(0));
  summary.reset |= ending == Ending::kReset;
  summary.lossy |= ending == Ending::kLossy;
  context.counters.add(Counter::kRequests);
  if (!exchange->response_done) context.counters.add(Counter::kRequestsUnfinished);
  context.sink.finished(summary);
  fields.pass_payload(*exchange);
  context.close(exchange);
}

// What was answered is no longer waited for by anyone, and of what lost bytes the end may be among them. A tunnel that
// is only asked for is a request like others until its head is there.
std::optional<WallTime> Connection::tell_stalled(Exchange& exchange, WallTime now) {
  const Summary& summary = exchange.summary;
  const bool innocent = summary.status || summary.lossy || exchange.tunnel;
  if (exchange.told || exchange.request_done || innocent) return std::nullopt;
  if (now - summary.began < kStallsAfter) return summary.began;
  exchange.told = true;
  context.counters.add(Counter::kStalledRequests);
  tell(exchange, SummaryKind::kStalled, now);
  return std::nullopt;
}

bool Connection::tell_unread(Exchange& exchange, WallTime now) {
  const bool over = exchange.response_done || exchange.summary.lossy || exchange.tunnel || exchange.is_connect;
  if (exchange.unread || over) return false;
  if (!exchange.request_done || now - exchange.summary.began < kStallsAfter) return true;
  exchange.unread = true;
  context.counters.add(Counter::kUnreadResponses);
  tell(exchange, SummaryKind::kUnread, now);
  return false;
}

void Connection::tell(const Exchange& exchange, SummaryKind kind, WallTime now) {
  Summary event = exchange.summary;
  event.kind = kind;
  event.sequence = context.sink.began();
  event.connection = facts;
  event.duration = now - event.began;
  context.sink.finished(event);
}

bool Connection::look_for_refusals(std::uint64_t since) {
  if (!starved_ && context.budget.refusals() != since) {
    starved_ = true;
    context.counters.add(Counter::kEvictedMemory);
  }
  return starved_;
}

void Connection::not_http() {
  if (!starved()) context.counters.add(Counter::kNotHttp);
}

void Connection::malformed() {
  if (starved()) return;
  if (!malformed_) context.counters.add(Counter::kMalformedHttp);
  malformed_ = true;
}

}  // namespace tidegate::inspect::http
