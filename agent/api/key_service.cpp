// SPDX-License-Identifier: Apache-2.0
#include "agent/api/key_service.hpp"

#include <string.h>

#include <atomic>

#include "agent/api/error_map.hpp"

namespace tidegate::api {
namespace {

constexpr std::size_t kMostBytes = 64 << 10;
// Of all callers together: each holds a thread of the server, and operators need some too.
constexpr int kMostStreams = 8;

class Place {
 public:
  Place() : taken_(++open_ <= kMostStreams) {}
  ~Place() { --open_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  explicit operator bool() const { return taken_; }

 private:
  static inline std::atomic<int> open_ = 0;
  bool taken_;
};

void wipe(v1::PublishKeysRequest& request) {
  std::string& lines = *request.mutable_lines();
  ::explicit_bzero(lines.data(), lines.size());
}

Result<inspection::Inspection::Published> publish(inspection::Inspection* inspection, const std::string& lines) {
  if (lines.size() > kMostBytes) {
    return fail(ErrorCode::kInvalidArgument, "keys: a message has more than 64 KiB; send smaller ones");
  }
  if (inspection == nullptr) return fail(ErrorCode::kFailedPrecondition, "keys: this agent inspects nothing");
  return inspection->publish(lines);
}

}  // namespace

grpc::Status KeyService::Publish(grpc::ServerContext*, grpc::ServerReader<v1::PublishKeysRequest>* reader,
                                 v1::PublishKeysResponse* response) {
  const Place place;
  if (!place) {
    return to_grpc(Error{ErrorCode::kResourceExhausted, "keys: 8 senders are connected already; use the key socket"});
  }
  v1::PublishKeysRequest request;
  while (reader->Read(&request)) {
    const auto published = publish(inspection_, request.lines());
    wipe(request);
    if (!published) return to_grpc(published.error());
    response->set_handed_on(response->handed_on() + published->handed_on);
    response->set_dropped(response->dropped() + published->dropped);
  }
  return grpc::Status::OK;
}

}  // namespace tidegate::api
