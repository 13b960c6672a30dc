// SPDX-License-Identifier: Apache-2.0
// The server over a real Unix socket: who gets in, as whom, and what the others see.
#include "agent/api/server.hpp"

#include <grpcpp/create_channel_posix.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>

#include "tests/unit/api/health.hpp"
#include "tidegate/v1/policy.grpc.pb.h"

namespace tidegate::api {
namespace {

// Says who is asking.
class WhoAmI final : public v1::PolicyService::Service {
 public:
  explicit WhoAmI(std::string actor) : actor_(std::move(actor)) {}
  grpc::Status Show(grpc::ServerContext*, const v1::ShowPolicyRequest*, v1::ShowPolicyResponse* response) override {
    response->set_text(actor_);
    return grpc::Status::OK;
  }

 private:
  std::string actor_;
};

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "tg-server-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // An agent of user `own`: whoever runs this test is admitted when root or that user.
  std::unique_ptr<Server> serve(Admission admission) {
    auto listener = Listener::open({.path = directory_ / "agent.sock", .mode = 0660, .group = {}});
    EXPECT_TRUE(listener);
    auto server = Server::start(std::move(*listener), admission, [](const std::string& actor) {
      Services services;
      services.push_back(std::make_unique<WhoAmI>(actor));
      return services;
    });
    EXPECT_TRUE(server);
    return std::move(*server);
  }

  std::shared_ptr<grpc::Channel> channel() const {
    return grpc::CreateChannel("unix://" + (directory_ / "agent.sock").string(), grpc::InsecureChannelCredentials());
  }

  static grpc::Status show(const std::shared_ptr<grpc::Channel>& channel, std::string& text) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::ShowPolicyResponse response;
    const auto status = v1::PolicyService::NewStub(channel)->Show(&context, {}, &response);
    text = response.text();
    return status;
  }

  std::filesystem::path directory_;
};

TEST_F(ServerTest, ActorIsTheUserWhoConnected) {
  const auto server = serve(Admission(::geteuid(), std::nullopt));
  std::string text;
  const auto status = show(channel(), text);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(text, "uid:" + std::to_string(::geteuid()));
}

// Connected by a thread with other credentials: setresuid(2) as such is of the calling thread only.
UniqueFd connect_as_nobody(const std::filesystem::path& path) {
  UniqueFd fd;
  std::thread([&] {
    constexpr uid_t kNobody = 65534;
    if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, kNobody, kNobody, kNobody) != 0 ||
        ::syscall(SYS_setresuid, kNobody, kNobody, kNobody) != 0) {
      return;
    }
    UniqueFd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(connection.get(), to, sizeof(address)) == 0) fd = std::move(connection);
  }).join();
  return fd;
}

TEST_F(ServerTest, OutsiderIsRefusedWhateverIsAsked) {
  if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
  const auto server = serve(Admission(0, std::nullopt));
  std::filesystem::permissions(directory_, std::filesystem::perms::all);
  EXPECT_FALSE(connect_as_nobody(directory_ / "agent.sock")) << "the mode of the socket keeps others out already";
  std::filesystem::permissions(directory_ / "agent.sock", std::filesystem::perms::all);
  UniqueFd connection = connect_as_nobody(directory_ / "agent.sock");
  ASSERT_TRUE(connection);
  const auto outside = grpc::CreateInsecureChannelFromFd("unix:agent", connection.release());
  std::string text;
  const auto status = show(outside, text);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << status.error_message();
  EXPECT_TRUE(text.empty());
  grpc::ClientContext context;
  v1::CheckPolicyResponse response;
  const auto unknown = v1::PolicyService::NewStub(outside)->Check(&context, {}, &response);
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::PERMISSION_DENIED) << "not even which methods there are";
  EXPECT_EQ(health_of(outside), Health::kNoAnswer);
}

TEST_F(ServerTest, UnknownMethodOfAnAdmittedCallerIsUnimplemented) {
  const auto server = serve(Admission(::geteuid(), std::nullopt));
  grpc::ClientContext context;
  v1::CheckPolicyResponse response;
  EXPECT_EQ(v1::PolicyService::NewStub(channel())->Check(&context, {}, &response).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ServerTest, StopEndsServingAndRemovesTheSocket) {
  auto server = serve(Admission(::geteuid(), std::nullopt));
  server->stop(std::chrono::milliseconds(100));
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(directory_ / "agent.sock"));
}

}  // namespace
}  // namespace tidegate::api
