// SPDX-License-Identifier: Apache-2.0
#include "agent/api/server.hpp"

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "agent/api/endpoint.hpp"
#include "agent/base/guarded.hpp"

namespace tidegate::api {
namespace {

constexpr uid_t kOthers = static_cast<uid_t>(-1);
// Connections that are refused politely in a second; more are closed at once.
constexpr int kRefusalsPerSecond = 16;
constexpr int kAcceptBackoffMs = 100;  // when descriptors have run out

class ServerImpl final : public Server {
 public:
  ServerImpl(Listener listener, Admission admission, ServiceFactory factory, const ServerOptions& options)
      : listener_(std::move(listener)),
        admission_(admission),
        factory_(std::move(factory)),
        options_(options),
        quota_("tidegated"),
        wake_(::eventfd(0, EFD_CLOEXEC)) {
    quota_.Resize(options.memory_quota).SetMaxThreads(options.most_threads);
  }

  Status begin() {
    grpc::EnableDefaultHealthCheckService(true);
    TIDEGATE_ASSIGN(refusing_, Endpoint::refusing(quota_));
    accepting_ = std::thread([this] { accept_loop(); });
    return {};
  }

  ~ServerImpl() override { stop(std::chrono::milliseconds(0)); }

  void stop(std::chrono::milliseconds grace) override {
    if (stopping_.exchange(true)) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
    if (accepting_.joinable()) accepting_.join();
    const auto deadline = std::chrono::system_clock::now() + grace;
    for (auto& [uid, endpoint] : endpoints_.lock()->by_uid) endpoint->stop(deadline);
    if (refusing_) refusing_->stop(deadline);
  }

  void set_serving(bool serving) override {
    auto endpoints = endpoints_.lock();
    endpoints->serving = serving;
    for (auto& [uid, endpoint] : endpoints->by_uid) endpoint->set_serving(serving);
  }

 private:
  struct Endpoints {
    bool serving = false;
    std::map<uid_t, std::unique_ptr<Endpoint>> by_uid;
  };

  void accept_loop() {
    pollfd sources[2] = {{listener_.fd(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    while (!stopping_) {
      if (::poll(sources, 2, -1) < 0) continue;
      if (sources[0].revents == 0) continue;
      UniqueFd connection(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (connection) {
        admit(std::move(connection));
      } else if (errno == EMFILE || errno == ENFILE) {
        ::poll(&sources[1], 1, kAcceptBackoffMs);
      }
    }
  }

  void admit(UniqueFd connection) {
    const auto peer = peer_of(connection.get());
    if (!peer) return;
    if (!admission_.admits(*peer)) {
      if (may_refuse_politely()) refusing_->hand_over(std::move(connection));
      return;
    }
    if (Endpoint* endpoint = endpoint_for(*peer)) endpoint->hand_over(std::move(connection));
  }

  // Endpoints are never taken away before the end, so that the pointer stays good without the lock.
  Endpoint* endpoint_for(const Peer& peer) {
    auto endpoints = endpoints_.lock();
    auto& by_uid = endpoints->by_uid;
    const bool room = by_uid.size() < kActors || by_uid.contains(peer.uid);
    const uid_t key = room ? peer.uid : kOthers;
    if (const auto found = by_uid.find(key); found != by_uid.end()) return found->second.get();
    auto made = Endpoint::serving(factory_(room ? actor_of(peer) : "uid:other"), quota_, options_);
    if (!made) return nullptr;
    (*made)->set_serving(endpoints->serving);
    return by_uid.emplace(key, std::move(*made)).first->second.get();
  }

  bool may_refuse_politely() {
    const auto now = std::chrono::steady_clock::now();
    if (now - window_ > std::chrono::seconds(1)) {
      window_ = now;
      refusals_ = 0;
    }
    return ++refusals_ <= kRefusalsPerSecond;
  }

  Listener listener_;
  const Admission admission_;
  const ServiceFactory factory_;
  const ServerOptions options_;
  grpc::ResourceQuota quota_;
  UniqueFd wake_;
  std::atomic<bool> stopping_ = false;
  std::unique_ptr<Endpoint> refusing_;
  Guarded<Endpoints> endpoints_;
  std::chrono::steady_clock::time_point window_;  // of the accepting thread, like refusals_
  int refusals_ = 0;
  std::thread accepting_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Listener listener, Admission admission, ServiceFactory factory,
                                              const ServerOptions& options) {
  auto server = std::make_unique<ServerImpl>(std::move(listener), admission, std::move(factory), options);
  TIDEGATE_TRY(server->begin());
  return server;
}

}  // namespace tidegate::api
