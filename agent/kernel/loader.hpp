// SPDX-License-Identifier: Apache-2.0
// The compiled datapath: sized, switched to what the kernel can do, loaded.
#pragma once

#include <memory>

#include "agent/base/unique_fd.hpp"
#include "agent/kernel/features.hpp"
#include "agent/kernel/geometry.hpp"
#include "agent/kernel/maps.hpp"

struct tidegate_bpf;

namespace tidegate::kernel {

struct Programs {
  UniqueFd xdp;
  UniqueFd egress;       // none without feature tc_egress, and for replay
  UniqueFd established;  // none without feature handshake_tracepoint, and for replay
  bool frags = false;    // `xdp` takes packets in several buffers
};

struct Loaded {
  MapSet maps;
  Programs programs;
};

class Loader {
 public:
  // For replay: private, with the capture's clock, without sockets and hooks of this machine.
  static Result<Loader> open(const Features& features, const Geometry& geometry, bool replay);

  // What the maps have to look like, by name.
  MapShapes shapes() const;
  // Loads with these maps, or with new ones where `adopted` is null. The verifier's last words are in the error.
  Result<Loaded> load(const MapSet* adopted) &&;

 private:
  struct Destroy {
    void operator()(tidegate_bpf* skeleton) const;
  };
  explicit Loader(std::unique_ptr<tidegate_bpf, Destroy> skeleton) : skeleton_(std::move(skeleton)) {}
  Status choose_programs(const Features& features, bool replay);
  Status set_sizes(const Geometry& geometry);
  void set_switches(const Features& features, bool replay);
  Status reuse(const MapSet& adopted);
  Result<Loaded> take_descriptors() const;

  std::unique_ptr<tidegate_bpf, Destroy> skeleton_;
};

}  // namespace tidegate::kernel
