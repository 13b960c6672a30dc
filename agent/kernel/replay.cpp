// SPDX-License-Identifier: Apache-2.0
// Replay: the real program, private maps, the capture's clock, one BPF_PROG_TEST_RUN a frame.
#include <bpf/bpf.h>
#include <linux/if_ether.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "agent/kernel/adoption.hpp"
#include "agent/kernel/generations.hpp"
#include "agent/kernel/loader.hpp"
#include "agent/kernel/privileges.hpp"
#include "agent/policy/compile.hpp"
#include "bpf/abi/reasons.h"

namespace tidegate::kernel {
namespace {

constexpr std::uint32_t kGeneration = 1;
constexpr std::uint64_t kSmallTable = 1024;  // blocks and flows play no part in a replay

class ProgramReplay final : public Replay {
 public:
  ProgramReplay(Loaded loaded, const tg_host& host) : loaded_(std::move(loaded)), host_(host) {}

  Result<ReplayVerdict> run(std::span<const std::byte> frame, std::chrono::nanoseconds when) override;

 private:
  ReplayVerdict too_short() const;

  Loaded loaded_;
  tg_host host_;
  std::vector<std::byte> input_;
  std::vector<std::byte> output_;
};

// The kernel refuses to run a program over less than an Ethernet header; the program would have called it malformed.
ReplayVerdict ProgramReplay::too_short() const {
  const bool by_policy = (host_.flags & TG_HOST_DROP_MALFORMED) != 0;
  const bool enforced = (host_.flags & TG_HOST_ENFORCE) != 0;
  return {.dropped = by_policy && enforced,
          .dry_run = by_policy && !enforced,
          .service = TG_SERVICE_NONE,
          .reason = TG_REASON_MALFORMED_ETHERNET};
}

Result<ReplayVerdict> ProgramReplay::run(std::span<const std::byte> frame, std::chrono::nanoseconds when) {
  if (frame.size() < ETH_HLEN) return too_short();
  tg_replay_meta meta{};
  meta.now = static_cast<__u64>(when.count());
  input_.resize(sizeof meta + frame.size());
  output_.resize(input_.size());
  std::memcpy(input_.data(), &meta, sizeof meta);
  std::memcpy(input_.data() + sizeof meta, frame.data(), frame.size());
  xdp_md context{};
  context.data = sizeof meta;
  context.data_end = static_cast<__u32>(input_.size());
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  options.data_in = input_.data();
  options.data_size_in = context.data_end;
  options.data_out = output_.data();
  options.data_size_out = static_cast<__u32>(output_.size());
  options.ctx_in = &context;
  options.ctx_size_in = sizeof context;
  options.repeat = 1;
  if (bpf_prog_test_run_opts(loaded_.programs.xdp.get(), &options) != 0)
    return fail_errno(errno, "cannot replay a frame");
  std::memcpy(&meta, output_.data(), sizeof meta);
  return ReplayVerdict{.dropped = options.retval == XDP_DROP,
                       .dry_run = (meta.flags & TG_EVENT_DRY_RUN) != 0,
                       .service = meta.service,
                       .reason = meta.reason};
}

}  // namespace

Result<std::unique_ptr<Replay>> Replay::open(const policy::Image& image) {
  TIDEGATE_TRY(check_capabilities(effective_capabilities()));
  TIDEGATE_TRY(check_btf());
  Options options;
  options.blocks = kSmallTable;
  options.flows = kSmallTable;
  TIDEGATE_ASSIGN(const Geometry geometry, geometry_for(options));
  TIDEGATE_ASSIGN(const Features features, Features::probe({}));
  TIDEGATE_ASSIGN(Loader loader, Loader::open(features, geometry, true));
  TIDEGATE_ASSIGN(Loaded loaded, std::move(loader).load(nullptr));
  TIDEGATE_TRY(initialise(loaded.maps, geometry));
  TIDEGATE_ASSIGN(auto control, loaded.maps.mapped<tg_control>("control"));
  // Nothing reads the old half: no packet ran yet.
  TIDEGATE_ASSIGN(auto generations, Generations::open(loaded.maps, control[0], [] { return Status{}; }));
  std::map<std::string, unsigned> owners;
  for (unsigned slot = 0; slot < TG_POLICY_SERVICES; ++slot) owners.emplace("slot " + std::to_string(slot), slot);
  TIDEGATE_TRY(generations.apply(image, owners, kGeneration));
  return std::unique_ptr<Replay>(std::make_unique<ProgramReplay>(std::move(loaded), image.host));
}

}  // namespace tidegate::kernel
