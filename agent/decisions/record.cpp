// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/record.hpp"

#include <cstring>

namespace tidegate::decisions {
namespace {

std::optional<Rate> rate_of(std::uint64_t amount, std::uint32_t per) {
  if (per == 0) return std::nullopt;
  return Rate{amount, std::chrono::seconds(per)};
}

}  // namespace

void write_record(const NewDecision& decision, std::vector<char>& out) {
  RecordHead head;
  head.address_hi = decision.target.address.hi;
  head.address_lo = decision.target.address.lo;
  head.length = decision.target.length;
  head.action = static_cast<std::uint8_t>(decision.action);
  head.expires_at_all = decision.expires.has_value();
  if (decision.expires) head.expires = decision.expires->time_since_epoch().count();
  if (decision.limit.packets) {
    head.packets = decision.limit.packets->amount;
    head.packets_per = static_cast<std::uint32_t>(decision.limit.packets->per.count());
  }
  if (decision.limit.bytes) {
    head.bytes = decision.limit.bytes->amount;
    head.bytes_per = static_cast<std::uint32_t>(decision.limit.bytes->per.count());
  }
  head.forced = decision.forced;
  head.origin_size = static_cast<std::uint16_t>(decision.origin.size());
  head.reason_size = static_cast<std::uint16_t>(decision.reason.size());
  head.actor_size = static_cast<std::uint16_t>(decision.actor.size());
  const std::size_t at = out.size();
  out.resize(at + sizeof head);
  std::memcpy(out.data() + at, &head, sizeof head);
  for (const std::string* text : {&decision.origin, &decision.reason, &decision.actor}) {
    out.insert(out.end(), text->begin(), text->end());
  }
}

RecordHead read_head(const char* bytes) {
  RecordHead head;
  std::memcpy(&head, bytes, sizeof head);
  return head;
}

void read_record(const char* bytes, NewDecision& decision) {
  const RecordHead head = read_head(bytes);
  decision.target = {{head.address_hi, head.address_lo}, head.length};
  decision.action = static_cast<Action>(head.action);
  decision.expires.reset();
  if (head.expires_at_all != 0) decision.expires = WallTime(std::chrono::nanoseconds(head.expires));
  decision.limit = {.packets = rate_of(head.packets, head.packets_per), .bytes = rate_of(head.bytes, head.bytes_per)};
  decision.forced = head.forced != 0;
  const char* text = bytes + sizeof head;
  decision.origin.assign(text, head.origin_size);
  decision.reason.assign(text += head.origin_size, head.reason_size);
  decision.actor.assign(text + head.reason_size, head.actor_size);
}

}  // namespace tidegate::decisions
