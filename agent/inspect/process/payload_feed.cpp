// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/payload_feed.hpp"

#include <openssl/crypto.h>

#include "agent/inspect/wire/payload_codec.hpp"

namespace tidegate::inspect::process {

bool PayloadFeed::send(const Summary& summary, const Payload& payload) {
  if (descriptor_ < 0) return false;
  wire::encode_payload(summary, payload, message_);
  const auto sent = wire::send_on(descriptor_, message_, wait_);
  wipe();
  return sent && *sent;
}

void PayloadFeed::wipe() {
  OPENSSL_cleanse(message_.data(), message_.size());
  message_.clear();
}

}  // namespace tidegate::inspect::process
