// SPDX-License-Identifier: Apache-2.0
// gRPC over the Unix socket, for those who may.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/api/listener.hpp"
#include "agent/api/peer.hpp"

namespace tidegate::api {

// The services of one caller: made once per user id, so that each knows on whose behalf it acts.
using Services = std::vector<std::unique_ptr<grpc::Service>>;
using ServiceFactory = std::function<Services(const std::string& actor)>;

struct ServerOptions {
  int most_threads = 24;                  // of all callers together; a stream (events --follow) holds one
  std::size_t memory_quota = 16U << 20U;  // bytes in gRPC's buffers
  int most_message = 2 << 20;             // bytes of a request
};

// gRPC 1.51 tells a service nothing about the peer of a Unix socket. So the agent accepts connections itself, reads
// SO_PEERCRED, and hands the descriptor to a gRPC server of that user id (at most kActors; later ones share one whose
// actor is "uid:other"). Who is not admitted gets a server that answers PERMISSION_DENIED to every method.
// Thread-safe; serves from construction on until it is destroyed.
class Server {
 public:
  static constexpr std::size_t kActors = 16;

  static Result<std::unique_ptr<Server>> start(Listener listener, Admission admission, ServiceFactory factory,
                                               const ServerOptions& options = {});
  virtual ~Server() = default;

  // Refuses new connections and ends open calls within `grace`.
  virtual void stop(std::chrono::milliseconds grace) = 0;
  // What the health service says (grpc.health.v1).
  virtual void set_serving(bool serving) = 0;
};

}  // namespace tidegate::api
