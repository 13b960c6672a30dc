// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/receivers.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <cerrno>
#include <functional>

#include "tests/bench/isolation.hpp"
#include "tests/bench/ours.hpp"
#include "tests/bench/peers.hpp"

namespace tidegate::bench {
namespace {

// So few newcomers that what is measured is dropping, not what the stack does with what passes.
constexpr std::uint64_t kFewNewcomers = 1000;
const Traffic kSpoofed{.frame = {.port = kGuardedPort}, .sources = 0};
const Traffic kTenThousand{.first = kFirstBlocked, .sources = 10'000};

Result<Link> next_link(const Receivers& receivers) {
  return Link::open("tgb" + std::to_string(receivers.size()) + "x");
}

bool wanted(const std::string& name, const Settings& settings) { return name.find(settings.only) != std::string::npos; }

// A receiver that drops in XDP.
Status add_program(Receivers& receivers, const Settings& settings, const std::string& name, const Traffic& traffic,
                   const Subject& subject) {
  if (!wanted(name, settings)) {
    return {};
  }
  TIDEGATE_ASSIGN(auto link, next_link(receivers));
  const int error = link.inside(
      [&] { return bpf_xdp_attach(static_cast<int>(link.far_ifindex()), subject.fd, XDP_FLAGS_DRV_MODE, nullptr); });
  if (error != 0) {
    return fail_errno(-error, "cannot attach " + subject.name);
  }
  receivers.push_back(std::make_unique<Receiver>(Receiver{name, std::move(link), traffic, subject}));
  return {};
}

// Tidegate with so many blocks.
Status add_ours(Receivers& receivers, const Settings& settings, const std::string& name, const Traffic& traffic,
                std::uint32_t blocks) {
  if (!wanted(name, settings)) {
    return {};
  }
  TIDEGATE_ASSIGN(auto link, next_link(receivers));
  TIDEGATE_ASSIGN(auto ours, Ours::open(link.far_name(), blocks, bench_policy(20, kFewNewcomers)));
  TIDEGATE_TRY(link.inside([&] { return ours->attach(link.far_name()); }));
  Subject subject{"tidegate", -1, true, ours};
  const auto what = [ours] { return ours->verdicts(); };
  receivers.push_back(std::make_unique<Receiver>(Receiver{name, std::move(link), traffic, subject, what}));
  return {};
}

Status add_all_ours(Receivers& receivers, const Settings& settings) {
  TIDEGATE_TRY(add_ours(receivers, settings, "tidegate-10k/spoofed", kSpoofed, 10'000));
  TIDEGATE_TRY(add_ours(receivers, settings, "tidegate-1M/spoofed", kSpoofed, 1'000'000));
  return add_ours(receivers, settings, "tidegate-1M/10k", kTenThousand, 1'000'000);
}

// A receiver that drops by rules of the stack. Every packet is counted against its source and dropped.
Status add_rules(Receivers& receivers, const Settings& settings, const std::string& name, const Traffic& traffic,
                 const std::function<std::string(const std::string&)>& rules) {
  if (!wanted(name, settings)) {
    return {};
  }
  TIDEGATE_ASSIGN(auto link, next_link(receivers));
  if (const auto status = shell(link.network(), rules(link.far_name())); !status) {
    emit_skip("veth", name, status.error().message);
    return {};
  }
  receivers.push_back(std::make_unique<Receiver>(Receiver{name, std::move(link), traffic, {}}));
  return {};
}

std::string nft_rules(const std::string& interface) {
  return "nft -f - <<'END'\n"
         "table netdev bench {\n"
         "  set seen { type ipv4_addr; size 1048576; flags dynamic,timeout; timeout 1m; }\n"
         "  chain ingress { type filter hook ingress device \"" +
         interface +
         "\" priority 0;\n"
         "    update @seen { ip saddr limit rate over 1/second burst 1 packets } drop\n"
         "    drop\n"
         "  }\n"
         "}\nEND\n";
}

std::string iptables_rules(const std::string&) {
  return "iptables -t raw -A PREROUTING -m hashlimit --hashlimit-name bench --hashlimit-mode srcip"
         " --hashlimit-above 1/second --hashlimit-burst 1 --hashlimit-htable-size 131072"
         " --hashlimit-htable-max 1048576 --hashlimit-htable-expire 60000 -j DROP"
         " && iptables -t raw -A PREROUTING -j DROP";
}

Status add_peers(Receivers& receivers, const Settings& settings) {
  TIDEGATE_ASSIGN(const auto drop, bare_drop());
  TIDEGATE_TRY(add_program(receivers, settings, "drop/spoofed", kSpoofed, drop));
  TIDEGATE_TRY(add_program(receivers, settings, "drop/10k", kTenThousand, drop));
  TIDEGATE_ASSIGN(const auto lru, gcra_lru_hash());
  TIDEGATE_TRY(add_program(receivers, settings, "lru-hash/spoofed", kSpoofed, lru));
  if (const auto filter = xdp_filter(kFirstBlocked, 10'000)) {
    TIDEGATE_TRY(add_program(receivers, settings, "xdp-filter/10k", kTenThousand, *filter));
  } else {
    emit_skip("veth", "xdp-filter/10k", filter.error().message);
  }
  TIDEGATE_TRY(add_rules(receivers, settings, "nft/spoofed", kSpoofed, nft_rules));
  return add_rules(receivers, settings, "iptables/spoofed", kSpoofed, iptables_rules);
}

}  // namespace

Result<Receivers> all_receivers(const Settings& settings) {
  Receivers receivers;
  TIDEGATE_TRY(add_peers(receivers, settings));
  TIDEGATE_TRY(add_all_ours(receivers, settings));
  return receivers;
}

}  // namespace tidegate::bench
