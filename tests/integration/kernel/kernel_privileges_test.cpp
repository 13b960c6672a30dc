// SPDX-License-Identifier: Apache-2.0
// Exactly four capabilities are enough; fewer give one clear line.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/kernel/capture.hpp"
#include "tests/integration/kernel/fixture.hpp"

namespace tidegate::kernel {
namespace {

constexpr uid_t kNobody = 65534;
constexpr std::uint64_t bit(unsigned capability) { return 1ULL << capability; }
constexpr std::uint64_t kFour = bit(CAP_BPF) | bit(CAP_PERFMON) | bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW);

bool become_nobody_with(std::uint64_t capabilities) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  data[0].effective = data[0].permitted = static_cast<__u32>(capabilities);
  data[1].effective = data[1].permitted = static_cast<__u32>(capabilities >> 32);
  return prctl(PR_SET_KEEPCAPS, 1) == 0 && setresgid(kNobody, kNobody, kNobody) == 0 &&
         setresuid(kNobody, kNobody, kNobody) == 0 && syscall(SYS_capset, &header, data) == 0;
}

class KernelPrivileges : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    chmod(directory_.path().c_str(), 0755);
    chmod((directory_.path() / "bpf").c_str(), 0755);
    std::filesystem::create_directory(pin_dir());
    ASSERT_EQ(chown(pin_dir().c_str(), kNobody, kNobody), 0);
  }

  // Runs `work` in a child of the edge's namespace with these capabilities and no root; returns what it said.
  std::string as_nobody(std::uint64_t capabilities, const std::function<std::string()>& work) {
    int result[2];
    EXPECT_EQ(pipe(result), 0);
    const pid_t child = fork();
    if (child == 0) {
      const int space = ::open(("/run/netns/" + net_->edge().name()).c_str(), O_RDONLY);
      std::string text = "cannot drop privileges";
      if (setns(space, CLONE_NEWNET) == 0 && become_nobody_with(capabilities)) text = work();
      static_cast<void>(!write(result[1], text.data(), text.size()));
      _exit(0);
    }
    close(result[1]);
    std::string text;
    char buffer[1024];
    for (ssize_t size = 0; (size = read(result[0], buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(size));
    }
    close(result[0]);
    waitpid(child, nullptr, 0);
    return text;
  }

  std::string whole_life() const {
    auto datapath = Datapath::open(options(), system_clock());
    if (!datapath) return datapath.error().message;
    const auto attached = (*datapath)->attach({"eth0", policy::AttachMode::kNative, {}});
    if (!attached) return attached.error().message;
    if (!attached->problem.empty()) return attached->problem;
    const auto applied = (*datapath)->apply(*image_with_default(0), {{"all", 0}}, 5);
    if (!applied) return applied.error().message;
    const auto blocked = (*datapath)->put_blocks(std::vector<BlockEntry>{{prefix("203.0.113.1"), std::nullopt}});
    if (!blocked) return blocked.error().message;
    for (const auto& feature : (*datapath)->features()) {
      if (!feature.available) return "feature " + feature.name + " is missing";
    }
    (*datapath)->counters();
    return "done";
  }
};

TEST_F(KernelPrivileges, FourCapabilitiesLoadAttachApplyAndBlock) {
  EXPECT_EQ(as_nobody(kFour, [this] { return whole_life(); }), "done");
  EXPECT_EQ(LinkedProgram(pin("link_eth0")).run(udp_frame("203.0.113.1", 53)), unsigned{XDP_DROP});
  EXPECT_EQ(as_nobody(kFour, [this] { return whole_life(); }), "done");  // and adopt
}

TEST_F(KernelPrivileges, NetRawIsNotNeededHere) {
  EXPECT_EQ(as_nobody(kFour & ~bit(CAP_NET_RAW), [this] { return whole_life(); }), "done");
}

std::string capture_life() {
  const auto capture = Capture::load();
  if (!capture) return capture.error().message;
  const auto interface = find_capture_interface("eth0");
  if (!interface) return "no interface";
  const auto set = (*capture)->set_scope({.interfaces = {*interface}, .ports = {{443, 443}}});
  if (!set) return set.error().message;
  const auto sockets = (*capture)->open(2, {});
  return sockets ? "done" : sockets.error().message;
}

TEST_F(KernelPrivileges, TheFourCapabilitiesCapture) { EXPECT_EQ(as_nobody(kFour, capture_life), "done"); }

TEST_F(KernelPrivileges, CaptureWithoutNetRawSaysSo) {
  const auto text = as_nobody(kFour & ~bit(CAP_NET_RAW), capture_life);
  EXPECT_NE(text.find("CAP_NET_RAW"), std::string::npos) << text;
}

TEST_F(KernelPrivileges, UnprivilegedStartSaysWhatIsMissing) {
  const auto text = as_nobody(0, [this] { return whole_life(); });
  EXPECT_NE(text.find("CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN"), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST_F(KernelPrivileges, EachMissingCapabilityIsNamed) {
  for (const auto& [capability, name] : {std::pair{CAP_BPF, "without CAP_BPF:"},
                                         {CAP_PERFMON, "without CAP_PERFMON:"},
                                         {CAP_NET_ADMIN, "without CAP_NET_ADMIN:"}}) {
    const auto text = as_nobody(kFour & ~bit(capability), [this] { return whole_life(); });
    EXPECT_NE(text.find(name), std::string::npos) << text;
  }
}

TEST_F(KernelPrivileges, APinDirectoryOfAnotherUserIsNamed) {
  ASSERT_EQ(chown(pin_dir().c_str(), 0, 0), 0);
  const auto text = as_nobody(kFour, [this] { return whole_life(); });
  EXPECT_NE(text.find("pin"), std::string::npos) << text;
  EXPECT_NE(text.find(pin_dir().string()), std::string::npos) << text;
}

TEST_F(KernelPrivileges, ADirectoryThatMayNotBeEnteredIsSaidToBeThat) {
  chmod((directory_.path() / "bpf").c_str(), 0700);
  const auto text = as_nobody(kFour, [this] { return whole_life(); });
  EXPECT_NE(text.find("Permission denied"), std::string::npos) << text;
}

}  // namespace
}  // namespace tidegate::kernel
