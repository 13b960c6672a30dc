// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/payload_feed.hpp"

#include <openssl/crypto.h>
#include <sys/socket.h>

#include <cerrno>

#include "agent/inspect/wire/payload_codec.hpp"

namespace tidegate::inspect::process {

bool PayloadFeed::send(const Summary& summary, const Payload& payload) {
  if (descriptor_ < 0) return false;
  wire::encode_payload(summary, payload, message_);
  iovec part{message_.data(), message_.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  const int flags = MSG_NOSIGNAL | (wait_ == wire::Wait::kNo ? MSG_DONTWAIT : 0);
  bool sent = false;
  do {
    sent = sendmsg(descriptor_, &header, flags) >= 0;
  } while (!sent && errno == EINTR);
  wipe();
  return sent;
}

void PayloadFeed::wipe() {
  OPENSSL_cleanse(message_.data(), message_.size());
  message_.clear();
}

}  // namespace tidegate::inspect::process
