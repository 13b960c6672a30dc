// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/test_run.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>

#include "tests/bench/isolation.hpp"
#include "wrapper.skel.h"

namespace tidegate::bench {
namespace {

constexpr std::uint32_t kCalibrationPackets = 50'000;
constexpr std::uint32_t kMostToFill = 1'500'000;
constexpr std::uint32_t kMostPackets = 100'000'000;

struct Timed {
  double ns = 0;
  std::uint32_t verdict = 0;
};

}  // namespace

struct TestRun::Impl {
  wrapper* skeleton = nullptr;
  ~Impl() { wrapper__destroy(skeleton); }

  // Puts `traffic` into the wrapper's variables.
  void aim(const Traffic& traffic) const {
    skeleton->bss->first = traffic.first;
    skeleton->bss->sources = traffic.sources;
    skeleton->bss->ipv6 = traffic.frame.ipv6;
  }

  // Runs the wrapper with program `fd` behind it. The kernel's own figure leaves out the set-up of the call and
  // the time in which another task ran, but is cut to whole ns.
  Result<Timed> run(int fd, bool frags, const std::vector<std::byte>& frame, std::uint32_t repeat) const {
    const std::uint32_t zero = 0;
    const auto* map = frags ? skeleton->maps.target_frags : skeleton->maps.target;
    if (bpf_map_update_elem(bpf_map__fd(map), &zero, &fd, BPF_ANY) != 0) {
      return fail_errno(errno, "cannot put the program behind the wrapper");
    }
    const auto* program = frags ? skeleton->progs.wrapper_frags : skeleton->progs.wrapper;
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = frame.data();
    options.data_size_in = static_cast<__u32>(frame.size());
    options.repeat = static_cast<int>(repeat);
    if (bpf_prog_test_run_opts(bpf_program__fd(program), &options) != 0) {
      return fail_errno(errno, "BPF_PROG_TEST_RUN");
    }
    return Timed{static_cast<double>(options.duration), options.retval};
  }

  int empty_fd(bool frags) const {
    return bpf_program__fd(frags ? skeleton->progs.discard_frags : skeleton->progs.discard);
  }
};

TestRun::TestRun(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TestRun::~TestRun() = default;

Result<std::unique_ptr<TestRun>> TestRun::open() {
  auto impl = std::make_unique<Impl>();
  impl->skeleton = wrapper__open_and_load();
  if (impl->skeleton == nullptr) {
    return fail_errno(errno, "cannot load the wrapper (root, and a kernel with xdp.frags, 5.18 or later)");
  }
  impl->skeleton->bss->state = random_seed();
  return std::unique_ptr<TestRun>(new TestRun(std::move(impl)));
}

Result<std::uint32_t> TestRun::calibrate(const Subject& subject, const Traffic& traffic, double milliseconds) {
  impl_->aim(traffic);
  const auto frame = make_frame(traffic.frame);
  // The first run fills the tables: more packets than there are sources, or than the biggest table has entries.
  const std::uint32_t wanted = traffic.sources == 0 ? kMostToFill : traffic.sources;
  const auto fill = std::clamp(2 * std::min(wanted, kMostToFill), kCalibrationPackets, 2 * kMostToFill);
  TIDEGATE_TRY(impl_->run(subject.fd, subject.frags, frame, fill));
  TIDEGATE_ASSIGN(const auto timed, impl_->run(subject.fd, subject.frags, frame, kCalibrationPackets));
  const double packets = milliseconds * 1e6 / std::max(timed.ns, 1.0);
  return static_cast<std::uint32_t>(std::clamp(packets, 1000.0, double{kMostPackets}));
}

Result<Sample> TestRun::sample(const Subject& subject, const Traffic& traffic, std::uint32_t repeat) {
  impl_->aim(traffic);
  const auto frame = make_frame(traffic.frame);
  TIDEGATE_ASSIGN(const auto base, impl_->run(impl_->empty_fd(subject.frags), subject.frags, frame, repeat));
  TIDEGATE_ASSIGN(const auto gross, impl_->run(subject.fd, subject.frags, frame, repeat));
  return Sample{gross.ns, base.ns, repeat, gross.verdict};
}

}  // namespace tidegate::bench
