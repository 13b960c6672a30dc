// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/stream_table.hpp"

#include <algorithm>

namespace tidegate::inspect::http {

Http2Stream* StreamTable::find(std::uint32_t id) {
  const auto found = std::ranges::lower_bound(streams_, id, {}, &Http2Stream::id);
  return found != streams_.end() && found->id == id ? &*found : nullptr;
}

Http2Stream& StreamTable::add(std::uint32_t id, Exchange* exchange) {
  return streams_.emplace_back(Http2Stream{id, exchange, nullptr, std::nullopt});
}

void StreamTable::erase(std::uint32_t id) {
  const auto found = std::ranges::lower_bound(streams_, id, {}, &Http2Stream::id);
  if (found != streams_.end() && found->id == id) streams_.erase(found);
}

std::uint32_t StreamTable::least_needed() const {
  const auto over = [](const Http2Stream& stream) {
    return stream.cancelled.has_value() || stream.exchange->response_done;
  };
  const auto found = std::ranges::find_if(streams_, over);
  return (found != streams_.end() ? *found : streams_.front()).id;
}

}  // namespace tidegate::inspect::http
