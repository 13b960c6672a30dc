// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/our_cases.hpp"

#include <linux/bpf.h>

#include "bpf/abi/hash.h"
#include "tests/bench/isolation.hpp"
#include "tests/bench/ours.hpp"

namespace tidegate::bench {
namespace {

constexpr std::uint32_t kAnySource = 0;
constexpr std::uint32_t kMillion = 1'000'000;

Traffic to_port(std::uint16_t port, std::uint32_t sources, Transport transport = Transport::kTcpSyn,
                bool ipv6 = false) {
  return {.frame = {.ipv6 = ipv6, .transport = transport, .port = port}, .first = kFirstFree, .sources = sources};
}

Traffic from_blocked(std::uint32_t sources) { return {.first = kFirstBlocked, .sources = sources}; }

struct Running {
  std::shared_ptr<Ours> ours;
  Subject subject;
};

Result<Running> start(const std::string& name, std::uint32_t blocks) {
  TIDEGATE_ASSIGN(auto ours, Ours::open(name, blocks, bench_policy()));
  TIDEGATE_TRY(shell(-1, "ip link add " + name + "0 type veth peer name " + name + "1"));
  TIDEGATE_TRY(ours->attach(name + "0"));
  TIDEGATE_ASSIGN(auto subject, ours->subject(name + "0"));
  return Running{ours, subject};
}

class Adder {
 public:
  Adder(std::vector<Case>& cases, const Running& running) : cases_(cases), running_(running) {}

  void add(const std::string& name, const Traffic& traffic, std::optional<std::uint32_t> verdict = std::nullopt) {
    const auto ours = running_.ours;
    cases_.push_back({name, running_.subject, traffic, verdict,
                      [ours] {
                        ours->verdicts();
                        return ours->drain();
                      },
                      [ours] { return ours->verdicts(); }});
  }

  // The same while the filter of proven sources is as wide as it gets.
  void add_with_wide_filter(const std::string& name, const Traffic& traffic) {
    add(name, traffic);
    const auto ours = running_.ours;
    const auto narrow = std::make_shared<std::uint32_t>();
    auto& added = cases_.back();
    added.before = [ours, narrow]() -> Status {
      ours->verdicts();
      TIDEGATE_ASSIGN(*narrow, ours->use_proven_lines(TG_PROVEN_LINES));
      return ours->drain();
    };
    added.after = [ours, narrow]() -> std::string {
      const auto restored = ours->use_proven_lines(*narrow);
      return restored ? ours->verdicts() : restored.error().message;
    };
  }

 private:
  std::vector<Case>& cases_;
  Running running_;
};

// Every packet is looked up everywhere and charged to three buckets (a SYN; packets and bytes only for `ack`).
void add_pipeline(Adder adder) {
  adder.add("pipeline/1", to_port(kChargedPort, 1), XDP_PASS);
  adder.add("pipeline/10k", to_port(kChargedPort, 10'000), XDP_PASS);
  adder.add("pipeline/1-ack", to_port(kChargedPort, 1, Transport::kTcpAck), XDP_PASS);
  adder.add("pipeline/1-ipv6", to_port(kChargedPort, 1, Transport::kTcpSyn, true), XDP_PASS);
  adder.add("pipeline/10k-ipv6", to_port(kChargedPort, 10'000, Transport::kTcpSyn, true), XDP_PASS);
}

// Sources that were never seen: with the budget, and each claiming a way.
void add_newcomers(Adder adder) {
  adder.add("budget/1M", to_port(kGuardedPort, kMillion));
  adder.add("budget/100M", to_port(kGuardedPort, 100 * kMillion));
  adder.add("budget/all", to_port(kGuardedPort, kAnySource));
  adder.add_with_wide_filter("budget-many-proven/all", to_port(kGuardedPort, kAnySource));
  adder.add("claim/1M", to_port(kChargedPort, kMillion));
  adder.add("claim/100M", to_port(kChargedPort, 100 * kMillion));
  adder.add("claim/all", to_port(kChargedPort, kAnySource));
  adder.add("claim/all-ipv6", to_port(kChargedPort, kAnySource, Transport::kTcpSyn, true));
}

// Known sources over their limit: dropped, after the replies test for what is not a SYN.
void add_over_limit(Adder adder) {
  adder.add("over-limit/1-syn", to_port(kLimitedPort, 1));
  adder.add("over-limit/1-ack", to_port(kLimitedPort, 1, Transport::kTcpAck));
  adder.add("over-limit/1-udp-default", to_port(53, 1, Transport::kUdp));
}

void add_blocked(Adder adder) {
  adder.add("blocked-1M/1", from_blocked(1), XDP_DROP);
  adder.add("blocked-1M/10k", from_blocked(10'000), XDP_DROP);
  adder.add("blocked-1M/1M", from_blocked(kMillion), XDP_DROP);
  adder.add("not-blocked-1M/1", to_port(kChargedPort, 1), XDP_PASS);
  adder.add("not-blocked-1M/10k", to_port(kChargedPort, 10'000), XDP_PASS);
}

}  // namespace

Status add_our_cases(std::vector<Case>& cases, const Settings&) {
  TIDEGATE_ASSIGN(const auto usual, start("tgbu", 10'000));
  Adder with_usual(cases, usual);
  with_usual.add("blocked-10k/1", from_blocked(1), XDP_DROP);
  with_usual.add("blocked-10k/10k", from_blocked(10'000), XDP_DROP);
  add_pipeline(with_usual);
  add_newcomers(with_usual);
  add_over_limit(with_usual);
  TIDEGATE_ASSIGN(const auto full, start("tgbm", kMillion));
  add_blocked(Adder(cases, full));
  return {};
}

}  // namespace tidegate::bench
