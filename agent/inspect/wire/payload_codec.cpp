// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/wire/payload_codec.hpp"

#include "agent/inspect/wire/codec.hpp"
#include "agent/inspect/wire/summary_codec.hpp"
#include "agent/inspect/wire/tags.hpp"

namespace tidegate::inspect::wire {
namespace {

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// False: what is there are no fields, or too many.
bool take_fields(std::string_view head, PayloadMessage& into) {
  while (!head.empty()) {
    const auto field = take_field(head);
    if (!field || into.fields.size() == kMostPayloadFields) return false;
    if (field->first == kTargetField) {
      into.target = field->second;
    } else {
      into.fields.push_back(*field);
    }
  }
  return true;
}

}  // namespace

void encode_payload(const Summary& summary, const Payload& payload, std::vector<std::byte>& out) {
  out.clear();
  out.reserve(kMostBytes);  // never copied elsewhere
  Writer writer(out);
  writer.byte(kVersion);
  writer.byte(static_cast<std::uint8_t>(PayloadTag::kPayload));
  writer.text(payload.head, kMostPayloadHead);
  writer.text(payload.body, kMostPayloadBody);
  encode_record(summary, out);
}

Status decode_payload(Bytes message, PayloadMessage& into) {
  into.target = into.body = {};
  into.fields.clear();
  Reader reader(message);
  const bool known = reader.byte() == kVersion && reader.byte() == static_cast<std::uint8_t>(PayloadTag::kPayload);
  const std::string_view head = text_of(reader.bytes(kMostPayloadHead));
  into.body = text_of(reader.bytes(kMostPayloadBody));
  if (known && reader.ok() && take_fields(head, into)) {
    SummaryReader records(reader.raw(reader.left()));
    if (records.next(into.summary) && records.complete()) return {};
  }
  return fail(ErrorCode::kInvalidArgument, "a payload cannot be read");
}

}  // namespace tidegate::inspect::wire
