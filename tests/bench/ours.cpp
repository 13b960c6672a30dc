// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/ours.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "agent/base/unique_fd.hpp"
#include "agent/policy/compile.hpp"
#include "bpf/abi/hash.h"
#include "bpf/abi/reasons.h"

namespace tidegate::bench {
namespace {

constexpr std::uint32_t kSafelisted = 100;
constexpr std::uint64_t kWide = 100'000'000;  // packets per second: ten times what a core can do
constexpr auto kBlockTime = std::chrono::hours(1);

constexpr std::array<std::string_view, TG_REASON_COUNT> kReasonNames = [] {
  std::array<std::string_view, TG_REASON_COUNT> names{};
#define TG_REASON(name, number, class, text) names[number] = #name;
#include "bpf/abi/reasons.def"
#undef TG_REASON
  return names;
}();

policy::Match tcp(std::uint16_t port) { return {IPPROTO_TCP, std::pair{port, port}, {}}; }

policy::Limit limit(std::uint64_t per_second) { return {Rate{per_second}, std::nullopt, {}}; }

policy::Service service(const std::string& name, std::uint16_t port, const policy::Limits& limits) {
  policy::Service made;
  made.name = name;
  made.match = {tcp(port)};
  made.limits = limits;
  return made;
}

// Prefixes of every length from /20 to /32, each in a /16 of its own between 20.0.0.0 and 119.255.255.255.
std::vector<policy::SafelistEntry> safelist() {
  std::vector<policy::SafelistEntry> entries;
  for (std::uint32_t i = 0; i < kSafelisted; ++i) {
    const auto address = Address::from_v4((20 + i) << 24 | (i * 37 % 256) << 16 | 0x0700);
    entries.push_back({Prefix::around(address, 96 + 20 + i % 13), std::nullopt, std::nullopt, {}});
  }
  return entries;
}

std::string percent(std::string_view reason, std::uint64_t part, std::uint64_t whole) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s%.*s %.1f %%", "", static_cast<int>(reason.size()), reason.data(),
                100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text.data();
}

// Packets by reason over all services.
std::array<std::uint64_t, TG_REASON_COUNT> by_reason(const kernel::Counters& counters) {
  std::array<std::uint64_t, TG_REASON_COUNT> sums{};
  for (std::size_t i = 0; i < counters.by_service_reason.size(); ++i) {
    if (const auto reason = i % TG_REASON_SLOTS; reason < TG_REASON_COUNT) {
      sums[reason] += counters.by_service_reason[i].dropped_packets + counters.by_service_reason[i].passed_packets;
    }
  }
  return sums;
}

}  // namespace

policy::Policy bench_policy(unsigned services, std::uint64_t fresh) {
  policy::Policy made;
  made.interfaces.push_back({"bench", policy::AttachMode::kNative, {}});  // attached by hand
  made.safelist = safelist();
  policy::Limits wide{.packets = limit(kWide), .bytes = limit(kWide * 1000), .syn = limit(kWide), .new_sources = {}};
  made.services.push_back(service("charged", kChargedPort, wide));
  wide.new_sources = policy::NewSources{Rate{fresh}, 0.25, {}};
  made.services.push_back(service("guarded", kGuardedPort, wide));
  policy::Limits usual{.packets = limit(2000), .bytes = limit(20'000'000), .syn = limit(50), .new_sources = {}};
  usual.new_sources = wide.new_sources;
  made.services.push_back(service("limited", kLimitedPort, usual));
  while (made.services.size() < services) {
    const auto number = made.services.size();
    made.services.push_back(
        service("service-" + std::to_string(number), static_cast<std::uint16_t>(10000 + number), usual));
  }
  return made;
}

std::vector<kernel::BlockEntry> bench_blocks(std::uint32_t count) {
  const auto expires = system_clock().monotonic() + kBlockTime;
  std::vector<kernel::BlockEntry> entries;
  entries.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    entries.push_back({Prefix::host(Address::from_v4(kFirstBlocked + i)), expires});
  }
  return entries;
}

Result<std::shared_ptr<Ours>> Ours::open(const std::string& name, std::uint32_t blocks, const policy::Policy& policy) {
  kernel::Options options;
  options.pin_dir = "/sys/fs/bpf/tg-bench-" + name;
  auto ours = std::make_shared<Ours>();
  ours->pins_ = options.pin_dir;
  TIDEGATE_ASSIGN(ours->datapath_, kernel::Datapath::open(options, system_clock()));
  TIDEGATE_ASSIGN(
      const auto compiled,
      policy::compile(
          {.policy = policy, .extra_safelist = {}, .slots = {}, .ifindex_of = [](const std::string&) { return 0U; }}));
  TIDEGATE_TRY(ours->datapath_->apply(*compiled.image, compiled.slots, 1));
  TIDEGATE_TRY(ours->datapath_->put_blocks(bench_blocks(blocks)));
  ours->seen_ = ours->datapath_->counters();
  return ours;
}

Status Ours::attach(const std::string& interface) {
  TIDEGATE_ASSIGN(const auto state, datapath_->attach({interface, policy::AttachMode::kNative, {}}));
  if (!state.attached) {
    return fail(ErrorCode::kInternal, "cannot attach to " + interface + ": " + state.problem);
  }
  return {};
}

Result<Subject> Ours::subject(const std::string& interface) const {
  __u32 id = 0;
  if (bpf_xdp_query_id(static_cast<int>(if_nametoindex(interface.c_str())), XDP_FLAGS_DRV_MODE, &id) != 0 || id == 0) {
    return fail(ErrorCode::kNotFound, "no XDP program on " + interface);
  }
  const int fd = bpf_prog_get_fd_by_id(id);
  if (fd < 0) {
    return fail_errno(errno, "cannot open the program on " + interface);
  }
  const auto& features = datapath_->features();
  const bool frags = std::ranges::any_of(
      features, [](const auto& feature) { return feature.name == "xdp_frags" && feature.available; });
  return Subject{"tidegate", fd, frags, std::make_shared<UniqueFd>(fd)};
}

Result<std::uint32_t> Ours::use_proven_lines(std::uint32_t lines) const {
  const UniqueFd map(bpf_obj_get((pins_ / "control").c_str()));
  const std::uint32_t zero = 0;
  tg_control control{};
  if (!map || bpf_map_lookup_elem(map.get(), &zero, &control) != 0) {
    return fail_errno(errno, "cannot read map control");
  }
  const auto before = std::exchange(control.proven_lines, lines);
  if (bpf_map_update_elem(map.get(), &zero, &control, BPF_ANY) != 0) {
    return fail_errno(errno, "cannot write map control");
  }
  return before;
}

Status Ours::drain() {
  TIDEGATE_ASSIGN([[maybe_unused]] const auto events, datapath_->poll_events([](const tg_event&) {}));
  return {};
}

std::string Ours::verdicts() {
  auto now = datapath_->counters();
  const auto after = by_reason(now);
  const auto before = by_reason(seen_);
  seen_ = std::move(now);
  std::vector<std::pair<std::uint64_t, std::string_view>> parts;
  std::uint64_t whole = 0;
  for (std::size_t reason = 0; reason < TG_REASON_COUNT; ++reason) {
    const auto packets = after[reason] - before[reason];
    whole += packets;
    if (packets != 0) {
      parts.emplace_back(packets, kReasonNames[reason]);
    }
  }
  std::ranges::sort(parts, std::greater<>());
  std::string text;
  for (const auto& [packets, reason] : parts) {
    text += (text.empty() ? "" : ", ") + percent(reason, packets, whole);
  }
  return text;
}

}  // namespace tidegate::bench
