// SPDX-License-Identifier: Apache-2.0
#include <sys/random.h>

#include <cerrno>

#include "agent/config/check.hpp"
#include "agent/inspect/wire/summary_codec.hpp"
#include "agent/inspection/plan.hpp"
#include "cli/command/commands.hpp"
#include "cli/command/policy.hpp"
#include "cli/context.hpp"
#include "cli/format/escape.hpp"
#include "cli/inspect/inspector.hpp"
#include "cli/inspect/view.hpp"
#include "cli/progress.hpp"

namespace tidegate::cli {
namespace {

namespace wire = inspect::wire;

struct Options {
  std::string pcap;
  std::vector<std::string> keylogs;
  std::optional<std::string> policy;
  bool stats = false;
};

// One JSON object a line is what this command is for; a table is for eyes.
Format format_of(Context& context) {
  if (context.format_given() || context.environment().out_terminal) return context.output().format();
  return Format::kJson;
}

// Shows what the inspector sends until it has finished.
class Session {
 public:
  Session(Context& context, Inspector inspector)
      : context_(context),
        inspector_(std::move(inspector)),
        view_(make_request_view(context.output().out(), context.output().style(), format_of(context))),
        progress_(context.environment(), "reading", inspector_.capture_size()) {}

  Outcome<wire::Finished> run();

 private:
  Outcome<> take(const wire::ToAgent& message);
  Outcome<> show(const wire::Summaries& summaries);

  Context& context_;
  Inspector inspector_;
  std::unique_ptr<RequestView> view_;
  Progress progress_;
  inspect::Summary summary_;
  std::optional<wire::Finished> finished_;
};

Outcome<> Session::show(const wire::Summaries& summaries) {
  progress_.clear();
  wire::SummaryReader reader(summaries.records);
  while (reader.next(summary_)) view_->add(summary_);
  if (!reader.complete()) return refuse("tidegate-inspector sent what cannot be read; is it of this version?");
  if (!context_.output().out()) return refuse("cannot write the result to standard output");
  return {};
}

Outcome<> Session::take(const wire::ToAgent& message) {
  if (const auto* summaries = std::get_if<wire::Summaries>(&message)) return show(*summaries);
  if (const auto* progress = std::get_if<wire::Progress>(&message)) progress_.at(progress->bytes);
  if (const auto* finished = std::get_if<wire::Finished>(&message)) finished_ = *finished;
  const auto* problem = std::get_if<wire::Problem>(&message);
  if (problem == nullptr) return {};
  progress_.clear();
  const std::string line =
      problem->descriptor == 0 ? problem->text : inspector_.name_of(problem->descriptor) + ": " + problem->text;
  if (problem->fatal) return refuse(line);
  context_.say(line);
  return {};
}

Outcome<wire::Finished> Session::run() {
  while (!finished_) {
    if (context_.environment().interrupted) {
      view_->flush();
      return refuse(Exit::kInterrupted, "interrupted; the result is not complete");
    }
    TIDEGATE_ASSIGN(const auto message, inspector_.next());
    if (!message) {
      view_->flush();  // a pause: show what there is
    } else if (const Outcome<> taken = take(*message); !taken) {
      view_->flush();
      return std::unexpected(taken.error());
    }
  }
  progress_.clear();
  view_->flush();
  return std::move(*finished_);
}

Outcome<std::vector<InputFile>> open_keylogs(const std::vector<std::string>& names) {
  if (names.size() > wire::kMostKeylogs) {
    return refuse(Exit::kUsage, "at most " + std::to_string(wire::kMostKeylogs) + " --keylog; put them into one file");
  }
  std::vector<InputFile> files;
  for (const std::string& name : names) {
    TIDEGATE_ASSIGN(InputFile file, open_input("key log", name));
    files.push_back(std::move(file));
  }
  return files;
}

// Every connection is looked into, whether the policy asks for it or not: it is used for names, identities and proxies.
Outcome<inspect::Settings> settings_of(Context& context, const std::optional<std::string>& file) {
  inspect::Settings settings;
  if (file) {
    TIDEGATE_ASSIGN(PolicyText source, read_policy_text(context, *file));
    const config::ParsedPolicy parsed = config::check_policy(std::move(source.text));
    for (const policy::Issue& issue : parsed.issues) {
      context.environment().err << escape_text(config::format_issue(source.name, issue)) << '\n';
    }
    if (!parsed.valid()) return refuse("");
    settings = inspection::make_plan(parsed.policy).settings;
  }
  settings.everything = true;
  // Hashes of identities mean something within one run only.
  if (getrandom(settings.identity_key.data(), settings.identity_key.size(), 0) !=
      static_cast<ssize_t>(settings.identity_key.size())) {
    return std::unexpected(Failure(fail_errno(errno, "cannot make a key for identities").error()));
  }
  return settings;
}

Outcome<> inspect_capture(Context& context, const Options& options) {
  TIDEGATE_ASSIGN(InputFile capture, open_input("capture", options.pcap));
  TIDEGATE_ASSIGN(std::vector<InputFile> keylogs, open_keylogs(options.keylogs));
  TIDEGATE_ASSIGN(const inspect::Settings settings, settings_of(context, options.policy));
  TIDEGATE_ASSIGN(Inspector inspector,
                  Inspector::start(context.environment(), settings, std::move(capture), std::move(keylogs)));
  Session session(context, std::move(inspector));
  TIDEGATE_ASSIGN(const wire::Finished finished, session.run());
  const inspect::Counters& counters = finished.statistics.counters;
  if (options.stats) print_statistics(context.output().out(), format_of(context), counters);
  context.output().out().flush();
  if (const std::string unseen = blindness_of(counters); !unseen.empty())
    context.say("not everything was seen: " + unseen);
  if (!finished.problem.empty()) return refuse(options.pcap + ": " + finished.problem + "; what came before was read");
  return {};
}

}  // namespace

void add_inspect(Command& root) {
  auto options = std::make_shared<Options>();
  Command command = root.add("inspect", "HTTP requests in a capture, TLS decrypted; works without an agent",
                             "inspect --pcap edge.pcapng --keylog keys.log\n"
                             "inspect --pcap edge.pcap --keylog keys.log -o json --stats | jq .status");
  command.option("--pcap", options->pcap, "FILE", "Capture, pcap or pcapng: Ethernet, raw IP, Linux cooked or NULL")
      .required();
  command.option("--keylog", options->keylogs, "FILE",
                 "TLS secrets in NSS key log format; may be repeated; not needed for secrets inside a pcapng");
  command.option("--policy", options->policy, "FILE",
                 "Policy that says what a session, an account and a trusted proxy is");
  command.flag("--stats", options->stats, "End with one object of totals");
  command.run([options](Context& context) { return inspect_capture(context, *options); });
}

}  // namespace tidegate::cli
