// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tls/tls_stream.hpp"

#include "agent/inspect/tls/connection.hpp"
#include "agent/inspect/tls/record.hpp"
#include "agent/inspect/tls/tls_context.hpp"

namespace tidegate::inspect {

void TlsContextDeleter::operator()(TlsContext* context) const { delete context; }

TlsContextPtr make_tls_context(const TlsLimits& limits, KeyStore& keys, MemoryBudget& budget, Counters& counters) {
  return TlsContextPtr(new TlsContext(limits, keys, budget, counters));
}

std::unique_ptr<TlsStream> make_tls_stream(TlsContext& context, const Flow& flow, bool mid_stream, TlsReader& reader) {
  return std::make_unique<TlsConnection>(context, flow, mid_stream, reader);
}

bool looks_like_tls(Bytes beginning) {
  if (beginning.size() >= kRecordHeader) return record_size(beginning).has_value();
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(beginning[i]); };
  return !beginning.empty() && at(0) >= 20 && at(0) <= 24 && (beginning.size() < 2 || at(1) == 3);
}

bool client_looks_like_tls(Bytes from_client) {
  return looks_like_tls(from_client) || (!from_client.empty() && begins_old_hello(from_client));
}

}  // namespace tidegate::inspect
