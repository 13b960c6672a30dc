// SPDX-License-Identifier: Apache-2.0
// A gRPC server that gets its connections as descriptors.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <memory>

#include "agent/api/server.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate::api {

class Endpoint {
 public:
  // Serves `services` (kept alive here). kInternal: gRPC would not start.
  static Result<std::unique_ptr<Endpoint>> serving(Services services, const grpc::ResourceQuota& quota,
                                                   const ServerOptions& options);
  // Answers refused() to everything; connections live for a few seconds.
  static Result<std::unique_ptr<Endpoint>> refusing(const grpc::ResourceQuota& quota);

  void hand_over(UniqueFd connection);
  void set_serving(bool serving);
  void stop(std::chrono::system_clock::time_point deadline);

 private:
  Endpoint() = default;

  Services services_;
  std::unique_ptr<grpc::CallbackGenericService> generic_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;  // last: ends before what it uses
};

}  // namespace tidegate::api
