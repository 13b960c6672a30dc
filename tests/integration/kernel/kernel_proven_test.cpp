// SPDX-License-Identifier: Apache-2.0
// The filter of proven sources while the host is busy: handshakes complete at any moment.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "agent/kernel/proven.hpp"
#include "tests/integration/kernel/fixture.hpp"

namespace tidegate::kernel {
namespace {

// Makes connections over the loopback interface, to the end of their handshake.
class Loopback {
 public:
  Loopback() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    usable_ = bind(listener_.get(), name(), size) == 0 && listen(listener_.get(), 1) == 0 &&
              getsockname(listener_.get(), name(), &size) == 0 && connect_once();
  }
  bool usable() const { return usable_; }
  bool connect_once() {
    const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(client.get(), name(), sizeof address_) != 0) return false;
    return static_cast<bool>(UniqueFd(accept(listener_.get(), nullptr, nullptr)));
  }

 private:
  sockaddr* name() { return reinterpret_cast<sockaddr*>(&address_); }

  UniqueFd listener_;
  sockaddr_in address_{};
  bool usable_ = false;
};

class KernelProven : public KernelTest {
 protected:
  std::uint32_t lines_in_use() const {
    const UniqueFd map(bpf_obj_get(pin("control").c_str()));
    const std::uint32_t zero = 0;
    tg_control control{};
    EXPECT_EQ(bpf_map_lookup_elem(map.get(), &zero, &control), 0);
    return control.proven_lines;
  }
};

// A handshake noted before its width is settled would leave the whole 4 MB in use for good.
TEST_F(KernelProven, StartsNarrowAlsoWhileConnectionsAreMade) {
  Loopback loopback;
  if (!loopback.usable()) GTEST_SKIP() << "no connection over the loopback interface";
  std::jthread busy([&](const std::stop_token& stop) {
    while (!stop.stop_requested() && loopback.connect_once()) {
    }
  });
  const auto datapath = open();
  busy.request_stop();
  busy.join();
  EXPECT_EQ(lines_in_use(), Proven::kFewestLines);
  ASSERT_TRUE(loopback.connect_once());
  EXPECT_TRUE(datapath->is_proven(Address::parse("127.0.0.1").value()));
}

}  // namespace
}  // namespace tidegate::kernel
