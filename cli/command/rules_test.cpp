// SPDX-License-Identifier: Apache-2.0
#include "cli/command/rules.hpp"

#include <algorithm>

#include "agent/inspection/plan.hpp"
#include "cli/inspect/reading.hpp"
#include "cli/inspect/stored.hpp"
#include "cli/rules/by_end.hpp"
#include "cli/rules/view.hpp"

namespace tidegate::cli {
namespace {

struct Options {
  CaptureFiles files;
  std::string summaries;
  std::string policy;
};

// Takes the requests of a capture and shows what rules make of them.
class Trial final : public RequestView {
 public:
  Trial(Context& context, behavior::RuleSet rules, behavior::Evaluator::IsSafelisted is_safelisted)
      : context_(context),
        evaluator_(std::move(rules), behavior::HashSeed{}, std::move(is_safelisted)),
        by_end_([this](const inspect::Summary& summary) { evaluate(summary); }) {
    if (context.output().is_table()) table_ = finding_table(context.output().out(), context.output().style());
    if (!table_) context.output().begin_list();
  }

  // Some rule is about what the payload of a request attempts.
  bool asks_for_payloads() const {
    return std::ranges::any_of(evaluator_.rules().rules, [](const behavior::Rule& rule) {
      return behavior::mentions(rule, behavior::Field::kAttack);
    });
  }
  void add(const inspect::Summary& summary) override { by_end_.add(summary); }
  void flush() override {}
  void finish() {
    by_end_.finish();
    findings_.clear();
    evaluator_.judge(evaluator_.held_so_far(), findings_);
    show();
    if (!table_) return context_.output().end_list();
    table_->finish();
    print_totals(context_.output().out(), evaluator_);
  }

 private:
  void evaluate(const inspect::Summary& summary) {
    findings_.clear();
    evaluator_.take(summary, findings_);
    show();
  }

  void show() {
    for (const behavior::Finding& finding : findings_) {
      if (table_) {
        table_->add(row_of(finding));
      } else {
        context_.output().element(document_of(finding));
      }
    }
  }

  Context& context_;
  behavior::Evaluator evaluator_;
  ByEnd by_end_;
  std::unique_ptr<Table> table_;
  std::vector<behavior::Finding> findings_;
};

behavior::Evaluator::IsSafelisted safelist_of(const policy::Policy& policy) {
  std::vector<Prefix> prefixes;
  for (const auto& entry : policy.safelist) prefixes.push_back(entry.prefix);
  return [prefixes = std::move(prefixes)](const Prefix& source) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](const Prefix& entry) { return entry.overlaps(source); });
  };
}

Outcome<> test_capture(Context& context, const Options& options, inspect::Settings settings, Trial& trial) {
  TIDEGATE_TRY(draw_identity_key(settings));
  TIDEGATE_ASSIGN(const auto reading, read_capture(context, options.files, settings, trial.asks_for_payloads(), trial));
  trial.finish();
  context.output().out().flush();
  return conclude_reading(context, options.files.pcap, reading, trial.asks_for_payloads());
}

Outcome<> test_summaries(Context& context, const Options& options, const inspect::Settings& settings, Trial& trial) {
  const auto read = read_summaries(context, options.summaries, settings, trial);
  trial.finish();
  context.output().out().flush();
  if (!read) return std::unexpected(read.error());
  return {};
}

Outcome<> check_sources(const Options& options) {
  if (options.files.pcap.empty() == options.summaries.empty())
    return refuse(Exit::kUsage, "rules test: give either --pcap or --summaries");
  if (!options.summaries.empty() && !options.files.keylogs.empty())
    return refuse(Exit::kUsage, "rules test: --keylog goes with --pcap; summaries are decrypted already");
  if (!options.summaries.empty() && options.files.payload_rules)
    return refuse(Exit::kUsage,
                  "rules test: --payload-rules goes with --pcap; summaries say what payloads held already");
  if (options.summaries == "-" && options.policy == "-")
    return refuse(Exit::kUsage, "rules test: only one of --summaries and --policy can be standard input");
  return {};
}

Outcome<> test(Context& context, const Options& options) {
  TIDEGATE_TRY(check_sources(options));
  TIDEGATE_ASSIGN(auto parsed, read_rules(context, options.policy));
  if (parsed.rules.rules.empty()) return refuse(options.policy + " has no rules; docs/rules.md says how they look");
  const inspect::Settings settings = inspection::make_plan(parsed.policy).settings;
  Trial trial(context, std::move(parsed.rules), safelist_of(parsed.policy));
  return options.summaries.empty() ? test_capture(context, options, settings, trial)
                                   : test_summaries(context, options, settings, trial);
}

}  // namespace

void add_rules_test(Command& rules) {
  auto options = std::make_shared<Options>();
  Command command = rules.add(
      "test",
      "What the rules of a policy would have decided on a capture or on stored requests; works without an agent",
      "rules test --pcap edge.pcapng --keylog keys.log --policy policy.yaml\n"
      "inspect --pcap edge.pcapng --keylog keys.log --policy policy.yaml -o json > requests.jsonl\n"
      "rules test --summaries requests.jsonl --policy policy.yaml\n"
      "rules test --pcap edge.pcapng --policy policy.yaml -o json | jq '.[].rule'");
  command.option("--pcap", options->files.pcap, "FILE", "Capture of traffic to the services of the policy");
  command.option("--summaries", options->summaries, "FILE",
                 "Requests as `tidegate inspect --policy` printed them in JSON; - is standard input");
  command.option("--keylog", options->files.keylogs, "FILE", "TLS secrets in NSS key log format; may be repeated");
  command.option("--policy", options->policy, "FILE", "Policy file, or - for standard input").required();
  command.option("--payload-rules", options->files.payload_rules, "DIR", kPayloadRulesHelp);
  command.run([options](Context& context) { return test(context, *options); });
}

}  // namespace tidegate::cli
