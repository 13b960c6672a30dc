// SPDX-License-Identifier: Apache-2.0
#include "agent/api/endpoint.hpp"

#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include "agent/api/error_map.hpp"

namespace tidegate::api {
namespace {

constexpr int kRefusedConnectionMs = 5000;

// Answers every method alike, so that an outsider does not even learn which ones exist.
class RefuseAll final : public grpc::CallbackGenericService {
  class Reactor final : public grpc::ServerGenericBidiReactor {
   public:
    Reactor() { Finish(refused()); }
    void OnDone() override { delete this; }
  };
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override { return new Reactor; }
};

std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> add_acceptor(grpc::ServerBuilder& builder) {
  return builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, grpc::InsecureServerCredentials());
}

Error not_started() { return {ErrorCode::kInternal, "cannot start the gRPC server"}; }

}  // namespace

Result<std::unique_ptr<Endpoint>> Endpoint::serving(Services services, const grpc::ResourceQuota& quota,
                                                    const ServerOptions& options) {
  std::unique_ptr<Endpoint> endpoint(new Endpoint);
  endpoint->services_ = std::move(services);
  grpc::ServerBuilder builder;
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(options.most_message);
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  for (const auto& service : endpoint->services_) builder.RegisterService(service.get());
  endpoint->acceptor_ = add_acceptor(builder);
  endpoint->server_ = builder.BuildAndStart();
  if (!endpoint->server_) return std::unexpected(not_started());
  return endpoint;
}

Result<std::unique_ptr<Endpoint>> Endpoint::refusing(const grpc::ResourceQuota& quota) {
  std::unique_ptr<Endpoint> endpoint(new Endpoint);
  endpoint->generic_ = std::make_unique<RefuseAll>();
  grpc::ServerBuilder builder;
  builder.SetResourceQuota(quota);
  builder.SetOption(std::make_unique<grpc::HealthCheckServiceServerBuilderOption>(nullptr));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kRefusedConnectionMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 0);
  builder.SetMaxReceiveMessageSize(4096);
  builder.RegisterCallbackGenericService(endpoint->generic_.get());
  endpoint->acceptor_ = add_acceptor(builder);
  endpoint->server_ = builder.BuildAndStart();
  if (!endpoint->server_) return std::unexpected(not_started());
  return endpoint;
}

void Endpoint::hand_over(UniqueFd connection) {
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.fd = connection.release();
  acceptor_->HandleNewConnection(&parameters);
}

void Endpoint::set_serving(bool serving) {
  if (auto* health = server_->GetHealthCheckService()) health->SetServingStatus(serving);
}

void Endpoint::stop(std::chrono::system_clock::time_point deadline) { server_->Shutdown(deadline); }

}  // namespace tidegate::api
