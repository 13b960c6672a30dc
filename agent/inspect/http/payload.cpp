// SPDX-License-Identifier: Apache-2.0
// What is kept of a sampled request for the examiner.
#include <algorithm>

#include "agent/inspect/http/request_fields.hpp"

namespace tidegate::inspect::http {
namespace {

constexpr std::size_t kPieceLengths = 4;  // of a name and a value

}  // namespace

void RequestFields::keep_payload(Exchange& exchange, std::string_view name, std::string_view value) {
  if (!exchange.sampled) return;
  const std::size_t room = kMostPayloadHead - exchange.payload_head.size();
  const std::size_t needed = kPieceLengths + name.size();
  if (needed > room || exchange.payload_fields == kMostPayloadFields) {
    exchange.payload_cut = true;
    return;
  }
  ++exchange.payload_fields;
  exchange.payload_cut |= value.size() > room - needed;
  const bool kept =
      append_piece(exchange.payload_head, name) && append_piece(exchange.payload_head, value.substr(0, room - needed));
  if (!kept) drop_payload(exchange);
}

void RequestFields::keep_payload_body(Exchange& exchange, std::string_view bytes) {
  if (exchange.payload_left == 0) return;
  const std::size_t size = std::min<std::size_t>(bytes.size(), exchange.payload_left);
  if (!exchange.payload_body.append(bytes.substr(0, size))) return drop_payload(exchange);
  exchange.payload_left -= static_cast<std::uint32_t>(size);
  exchange.payload_cut |= size < bytes.size();
}

// Memory is short: an examination is what is missed least.
void RequestFields::drop_payload(Exchange& exchange) {
  exchange.payload_head.release();
  exchange.payload_body.release();
  exchange.payload_left = 0;
  exchange.sampled = false;
  context_.counters.add(Counter::kPayloadsSampled);
  context_.counters.add(Counter::kPayloadsDropped);
}

void RequestFields::pass_payload(Exchange& exchange) {
  if (!exchange.sampled) return;
  exchange.sampled = false;
  Summary& summary = exchange.summary;
  summary.connection = facts_;
  summary.kind = SummaryKind::kPayload;
  summary.duration = std::max(exchange.last - summary.began, std::chrono::nanoseconds(0));
  const bool passed =
      context_.sink.sampled(summary, {.head = exchange.payload_head.text(), .body = exchange.payload_body.text()});
  summary.kind = SummaryKind::kRequest;
  exchange.payload_head.release();
  exchange.payload_body.release();
  exchange.payload_left = 0;
  context_.counters.add(Counter::kPayloadsSampled);
  if (!passed) context_.counters.add(Counter::kPayloadsDropped);
  if (passed && exchange.payload_cut) context_.counters.add(Counter::kPayloadsCut);
}

}  // namespace tidegate::inspect::http
