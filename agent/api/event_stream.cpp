// SPDX-License-Identifier: Apache-2.0
#include "agent/api/event_stream.hpp"

#include <netinet/in.h>

#include <map>
#include <string>

#include "agent/api/convert.hpp"
#include "agent/api/error_map.hpp"
#include "bpf/abi/reasons.h"

namespace tidegate::api {
namespace {

using telemetry::Event;
using telemetry::EventKind;

constexpr std::chrono::milliseconds kWake{250};  // how soon a client that left is noticed

std::string protocol_name(std::uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_ICMP:
      return "icmp";
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_GRE:
      return "gre";
    case IPPROTO_ESP:
      return "esp";
    case IPPROTO_ICMPV6:
      return "icmpv6";
    case IPPROTO_SCTP:
      return "sctp";
    default:
      return std::to_string(protocol);
  }
}

Result<telemetry::EventFilter> to_filter(const v1::EventsRequest& request) {
  telemetry::EventFilter filter;
  if (!request.source().empty()) {
    TIDEGATE_ASSIGN(filter.source, Prefix::parse(request.source()));
  }
  if (request.reason().empty()) return filter;
  for (unsigned reason = 0; reason < TG_REASON_COUNT; ++reason) {
    if (telemetry::reason_name(reason) == request.reason()) filter.reason = reason;
  }
  if (filter.reason) return filter;
  return fail(ErrorCode::kInvalidArgument,
              "reason " + request.reason() + ": there is none of that name, see docs/reasons.md");
}

// Converts and writes; keeps what has been sent, so that nothing is sent twice.
class Sender {
 public:
  Sender(const control::Environment& environment, grpc::ServerWriter<v1::Event>& writer)
      : env_(environment), writer_(writer) {}

  bool send(const Event& event) {
    if (event.number <= last_) return true;
    last_ = event.number;
    v1::Event message;
    set_time(message.mutable_time(), event.time);
    message.set_kind(std::string(to_string(event.kind)));
    message.set_message(event.message);
    message.set_number(event.number);
    if (event.decision) api::fill(*message.mutable_decision(), *event.decision);
    if (event.kind == EventKind::kDrop || event.kind == EventKind::kPass) add_packet(message, event);
    return writer_.Write(message);
  }

  bool tell_lost(std::uint64_t lost) {
    v1::Event message;
    set_time(message.mutable_time(), env_.clock.wall());
    message.set_kind("warning");
    message.set_message(std::to_string(lost) + " events lost: this reader is too slow");
    return writer_.Write(message);
  }

 private:
  static void add_endpoints(v1::Event& message, const Event& event) {
    message.set_source(event.source.to_string());
    message.set_source_port(event.source_port);
    message.set_destination(event.destination.to_string());
    message.set_destination_port(event.destination_port);
    message.set_protocol(protocol_name(event.protocol));
  }

  void add_packet(v1::Event& message, const Event& event) {
    if (event.source != Address{}) add_endpoints(message, event);  // what is not IP has none
    message.set_service(event.service);
    message.set_reason(std::string(telemetry::reason_name(event.reason)));
    message.set_packets(event.packets);
    message.set_bytes(event.bytes);
    message.set_interface(interface(event.ifindex));
    message.set_dry_run(event.dry_run);
  }

  const std::string& interface(unsigned ifindex) {
    const auto [found, added] = names_.try_emplace(ifindex);
    if (added) found->second = env_.interface_name(ifindex);
    return found->second;
  }

  const control::Environment& env_;
  grpc::ServerWriter<v1::Event>& writer_;
  std::map<unsigned, std::string> names_;
  std::uint64_t last_ = 0;
};

}  // namespace

grpc::Status stream_events(const control::Environment& environment, grpc::ServerContext& context,
                           const v1::EventsRequest& request, grpc::ServerWriter<v1::Event>& writer) {
  const auto filter = to_filter(request);
  if (!filter) return to_grpc(filter.error());
  auto& log = environment.telemetry.events();
  std::shared_ptr<telemetry::Follower> follower;
  if (request.follow()) {
    follower = log.follow(*filter);
    if (!follower) return to_grpc(Error{ErrorCode::kResourceExhausted, "events: too many followers; end another one"});
  }
  Sender sender(environment, writer);
  if (request.has_since() || !request.follow()) {
    WallTime from{};
    if (request.has_since()) from = environment.clock.wall() - std::chrono::seconds(request.since().seconds());
    for (const auto& event : log.since(from, *filter)) {
      if (context.IsCancelled() || !sender.send(event)) return grpc::Status::OK;
    }
  }
  while (follower && !follower->closed() && !context.IsCancelled()) {
    if (const auto event = follower->next(kWake); event && !sender.send(*event)) break;
    if (const auto lost = follower->take_lost(); lost > 0 && !sender.tell_lost(lost)) break;
  }
  return grpc::Status::OK;
}

}  // namespace tidegate::api
