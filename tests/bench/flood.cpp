// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/flood.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>

#include "flood.skel.h"
#include "tests/bench/isolation.hpp"

namespace tidegate::bench {
namespace {

constexpr std::uint32_t kBatch = 64;  // a NAPI poll's worth

}  // namespace

struct Flood::Impl {
  flood* skeleton = nullptr;
  ~Impl() { flood__destroy(skeleton); }
};

Flood::Flood(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Flood::~Flood() = default;

Result<std::unique_ptr<Flood>> Flood::open() {
  auto impl = std::make_unique<Impl>();
  impl->skeleton = flood__open_and_load();
  if (impl->skeleton == nullptr) {
    return fail_errno(errno, "cannot load the flood generator");
  }
  impl->skeleton->bss->state = random_seed();
  return std::unique_ptr<Flood>(new Flood(std::move(impl)));
}

Result<double> Flood::send(unsigned ifindex, const Traffic& traffic, std::uint32_t frames) {
  impl_->skeleton->bss->first = traffic.first;
  impl_->skeleton->bss->sources = traffic.sources;
  impl_->skeleton->bss->ifindex = ifindex;
  const auto frame = make_frame(traffic.frame);
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = frame.data();
  options.data_size_in = static_cast<__u32>(frame.size());
  options.repeat = static_cast<int>(frames);
  options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  options.batch_size = kBatch;
  if (bpf_prog_test_run_opts(bpf_program__fd(impl_->skeleton->progs.flood), &options) != 0) {
    return fail_errno(errno, "cannot send a flood (live frames need Linux 5.18)");
  }
  return static_cast<double>(options.duration);
}

}  // namespace tidegate::bench
