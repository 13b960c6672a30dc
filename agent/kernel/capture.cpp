// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/capture.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "agent/kernel/capture_socket.hpp"
#include "agent/kernel/libbpf_log.hpp"
#include "agent/kernel/mapped_array.hpp"
#include "agent/kernel/maps.hpp"
#include "agent/kernel/shared_word.hpp"
#include "bpf/abi/capture.h"
#include "bpf/capture.skel.h"

namespace tidegate::kernel {
namespace {

struct Destroy {
  void operator()(capture_bpf* skeleton) const { capture_bpf__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<capture_bpf, Destroy>;

__u64 share(double part) {
  return static_cast<__u64>(std::clamp(part, 0.0, 1.0) * static_cast<double>(TG_CAPTURE_ALL));
}

Status put_ports(int map, const CaptureScope& scope) {
  tg_capture_ports ports{};
  for (const auto& [first, last] : scope.ports) {
    for (unsigned port = first; port <= last; ++port) ports.bits[port / 64] |= 1ULL << (port % 64);
  }
  const std::uint32_t zero = 0;
  if (bpf_map_update_elem(map, &zero, &ports, BPF_ANY) == 0) return {};
  return fail_errno(errno, "capture: cannot set the inspected ports");
}

std::vector<std::uint32_t> present_interfaces(int map) {
  std::vector<std::uint32_t> present;
  std::uint32_t key = 0;
  for (const std::uint32_t* after = nullptr; bpf_map_get_next_key(map, after, &key) == 0; after = &present.back()) {
    present.push_back(key);
    if (present.size() > TG_CAPTURE_INTERFACES) break;
  }
  return present;
}

// Those that stay are never away.
Status put_interfaces(int map, const CaptureScope& scope) {
  std::set<std::uint32_t> wanted;
  for (const auto& interface : scope.interfaces) wanted.insert(interface.index);
  for (const std::uint32_t index : present_interfaces(map)) {
    if (!wanted.contains(index)) bpf_map_delete_elem(map, &index);
  }
  for (const auto& interface : scope.interfaces) {
    const std::uint32_t flags =
        (interface.loopback ? TG_CAPTURE_LOOPBACK : 0U) | (interface.raw_ip ? TG_CAPTURE_RAW_IP : 0U);
    if (bpf_map_update_elem(map, &interface.index, &flags, BPF_ANY) != 0) {
      return fail_errno(errno, "capture: cannot add an interface to the filter");
    }
  }
  return {};
}

class FilteredCapture final : public Capture {
 public:
  FilteredCapture(Skeleton skeleton, MappedArray<tg_capture_control> control)
      : skeleton_(std::move(skeleton)), control_(std::move(control)) {}

  Status set_scope(const CaptureScope& scope) override {
    if (scope.interfaces.size() > TG_CAPTURE_INTERFACES) {
      return fail(ErrorCode::kResourceExhausted, "capture: more than " + std::to_string(TG_CAPTURE_INTERFACES) +
                                                     " interfaces; name fewer in the policy");
    }
    store(control().seed, __u64{scope.seed});
    store(control().sample, share(scope.sample));
    TIDEGATE_TRY(put_ports(bpf_map__fd(skeleton_->maps.ports), scope));
    return put_interfaces(bpf_map__fd(skeleton_->maps.interfaces), scope);
  }

  // Once set, `shed` stays: connections that were shed have to be known to their end.
  void set_shedding(const CaptureShedding& shedding) override {
    store(control().shed_share, share(shedding.shed));
    store(control().headers_only, __u32{shedding.headers_only});
    if (shedding.shed > 0) store(control().shed, __u32{1});
  }

  CaptureCounts counts() const override {
    std::vector<tg_capture_counts> cpus(possible_cpus());
    const std::uint32_t zero = 0;
    CaptureCounts sum;
    if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.counts), &zero, cpus.data()) != 0) return sum;
    for (const auto& cpu : cpus) {
      sum.shed_connections += cpu.shed_connections;
      sum.shed_packets += cpu.shed_packets;
      sum.fragments += cpu.fragments;
    }
    return sum;
  }

  Result<std::vector<UniqueFd>> open(unsigned count, const std::function<Status(int fd)>& prepare) override {
    return open_capture_sockets(bpf_program__fd(skeleton_->progs.tidegate_capture), count, prepare);
  }

 private:
  tg_capture_control& control() { return control_[0]; }

  Skeleton skeleton_;
  MappedArray<tg_capture_control> control_;
};

}  // namespace

Result<std::unique_ptr<Capture>> Capture::load() {
  const LibbpfLog log;
  Skeleton skeleton(capture_bpf__open());
  const int error = skeleton ? capture_bpf__load(skeleton.get()) : -errno;
  if (error != 0) {
    const std::string reason = log.reason();
    return fail_errno(-error, "capture: cannot load the filter" + (reason.empty() ? reason : " (" + reason + ")"));
  }
  TIDEGATE_ASSIGN(auto control, MappedArray<tg_capture_control>::map(bpf_map__fd(skeleton->maps.capture_control), 1,
                                                                     "capture_control"));
  control[0] = {.seed = 0, .sample = TG_CAPTURE_ALL, .shed_share = 0, .shed = 0, .headers_only = 0};
  return std::make_unique<FilteredCapture>(std::move(skeleton), std::move(control));
}

}  // namespace tidegate::kernel
