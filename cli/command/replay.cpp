// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/config/check.hpp"
#include "agent/kernel/datapath.hpp"
#include "agent/policy/compile.hpp"
#include "cli/command/commands.hpp"
#include "cli/command/policy.hpp"
#include "cli/command/replay_view.hpp"
#include "cli/format/escape.hpp"
#include "cli/progress.hpp"
#include "cli/replay/capture.hpp"
#include "cli/replay/frame.hpp"

namespace tidegate::cli {
namespace {

struct Options {
  std::string pcap;
  std::string policy;
  std::uint64_t limit = 20;
};

constexpr std::size_t kOnePage = 3000;  // longer frames need fragments, which not every kernel can replay

Outcome<policy::Policy> read_policy(Context& context, const std::string& file) {
  TIDEGATE_ASSIGN(PolicyText source, read_policy_text(context, file));
  config::ParsedPolicy parsed = config::check_policy(std::move(source.text));
  for (const policy::Issue& issue : parsed.issues) {
    context.environment().err << escape_text(config::format_issue(source.name, issue)) << '\n';
  }
  if (!parsed.valid()) return refuse("");
  return std::move(parsed.policy);
}

Outcome<std::unique_ptr<kernel::Replay>> open_replay(const policy::Policy& policy) {
  const policy::CompileInput input{
      .policy = policy, .extra_safelist = {}, .slots = {}, .ifindex_of = [](const std::string&) { return 0U; }};
  TIDEGATE_ASSIGN(const policy::Compiled compiled, policy::compile(input));
  TIDEGATE_ASSIGN(auto replay, kernel::Replay::open(*compiled.image));
  return replay;
}

std::optional<Prefix> source_under(const policy::Policy& policy, const std::vector<std::byte>& frame) {
  const std::optional<Address> address = source_of(frame);
  if (!address) return std::nullopt;
  return Prefix::around(*address, address->is_v4() ? 96 + policy.ipv4_prefix : policy.ipv6_prefix);
}

// The capture's clock, never running backwards: the kernel's does not either.
class CaptureClock {
 public:
  std::chrono::nanoseconds at(std::chrono::nanoseconds when) {
    if (!first_) first_ = when;
    latest_ = std::max(latest_, when);
    return latest_;
  }
  double seconds() const { return first_ ? std::chrono::duration<double>(latest_ - *first_).count() : 0; }

 private:
  std::optional<std::chrono::nanoseconds> first_;
  std::chrono::nanoseconds latest_{0};
};

Outcome<> run_frame(kernel::Replay& replay, const policy::Policy& policy, const Captured& packet, CaptureClock& clock,
                    ReplayReport& report) {
  const auto verdict = replay.run(packet.frame, clock.at(packet.when));
  if (!verdict && packet.frame.size() > kOnePage) {
    ++report.too_long;
    return {};
  }
  if (!verdict) return std::unexpected(Failure(verdict.error()));
  report.tally.add(source_under(policy, packet.frame), {verdict->dropped, verdict->dry_run, verdict->reason});
  return {};
}

Outcome<ReplayReport> run_all(Context& context, kernel::Replay& replay, const policy::Policy& policy,
                              Capture& capture) {
  ReplayReport report;
  CaptureClock clock;
  Progress progress(context.environment(), "replaying", capture.size());
  while (true) {
    auto packet = capture.next();
    if (context.environment().interrupted) return refuse(Exit::kInterrupted, "interrupted; there is no result");
    if (!packet) {
      if (report.tally.total().seen == 0) return std::unexpected(Failure(packet.error()));
      report.problem = packet.error().message;  // as when tcpdump was killed: what came before still counts
      break;
    }
    if (!packet->has_value()) break;
    progress.at((*packet)->offset);
    if ((*packet)->frame.empty()) {
      ++report.unusable;
      continue;
    }
    TIDEGATE_TRY(run_frame(replay, policy, **packet, clock, report));
  }
  report.seconds = clock.seconds();
  return report;
}

Outcome<> replay_capture(Context& context, const Options& options) {
  TIDEGATE_ASSIGN(const policy::Policy policy, read_policy(context, options.policy));
  TIDEGATE_ASSIGN(const auto capture, Capture::open(options.pcap));
  TIDEGATE_ASSIGN(const auto replay, open_replay(policy));
  TIDEGATE_ASSIGN(const ReplayReport report, run_all(context, *replay, policy, *capture));
  if (!context.output().is_table()) context.say(summary_of(report));
  context.output().show(document_of(report),
                        [&](std::ostream& out) { print_replay(out, context.output().style(), report, options.limit); });
  if (!report.problem.empty()) return refuse(report.problem + "; replayed up to there");
  return {};
}

}  // namespace

void add_replay(Command& root) {
  auto options = std::make_shared<Options>();
  Command command = root.add("replay", "What a policy would have done to captured traffic, by the real XDP program",
                             "replay --pcap attack.pcap --policy policy.yaml");
  command.option("--pcap", options->pcap, "FILE", "Capture, pcap or pcapng: Ethernet, raw IP, Linux cooked or NULL")
      .required();
  command.option("--policy", options->policy, "FILE", "Policy file, or - for standard input").required();
  command.option("--limit", options->limit, "N", "Sources that the table shows (default: 20)");
  command.run([options](Context& context) { return replay_capture(context, *options); });
}

}  // namespace tidegate::cli
