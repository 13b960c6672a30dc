// SPDX-License-Identifier: Apache-2.0
// A payload on its way from the inspector to the examiner, one message of a SOCK_SEQPACKET pair. Either side takes the
// other for hostile.
#pragma once

#include <vector>

#include "agent/inspect/model/payload.hpp"
#include "agent/inspect/model/summary.hpp"
#include "agent/inspect/wire/messages.hpp"

namespace tidegate::inspect::wire {

// Into `out`, which is emptied first. Beyond the bounds of payload.hpp it is cut.
void encode_payload(const Summary& summary, const Payload& payload, std::vector<std::byte>& out);

// A request to examine; views are into the message.
struct PayloadMessage {
  Summary summary;
  std::string_view target;           // as sent, with its query
  std::vector<PayloadField> fields;  // the others, at most kMostPayloadFields
  std::string_view body;
};

// Into `into`, whose memory is used again. kInvalidArgument: not a payload of this version. Never reads beyond
// `message`; allocates at most what is bounded above.
Status decode_payload(Bytes message, PayloadMessage& into);

}  // namespace tidegate::inspect::wire
