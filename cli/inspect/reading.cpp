// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect/reading.hpp"

#include <sys/random.h>

#include <cerrno>

#include "agent/inspect/wire/summary_codec.hpp"
#include "cli/inspect/inspector.hpp"
#include "cli/progress.hpp"

namespace tidegate::cli {
namespace {

namespace wire = inspect::wire;

// Shows what the inspector sends until it has finished.
class Session {
 public:
  Session(Context& context, Inspector inspector, RequestView& view)
      : context_(context),
        inspector_(std::move(inspector)),
        view_(view),
        progress_(context.environment(), "reading", inspector_.capture_size()) {}

  Outcome<wire::Finished> run();

 private:
  Outcome<> take(const wire::ToAgent& message);
  Outcome<> show(const wire::Summaries& summaries);

  Context& context_;
  Inspector inspector_;
  RequestView& view_;
  Progress progress_;
  inspect::Summary summary_;
  std::optional<wire::Finished> finished_;
};

Outcome<> Session::show(const wire::Summaries& summaries) {
  progress_.clear();
  wire::SummaryReader reader(summaries.records);
  while (reader.next(summary_)) view_.add(summary_);
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
      view_.flush();
      return refuse(Exit::kInterrupted, "interrupted; the result is not complete");
    }
    TIDEGATE_ASSIGN(const auto message, inspector_.next());
    if (!message) {
      view_.flush();  // a pause: show what there is
    } else if (const Outcome<> taken = take(*message); !taken) {
      view_.flush();
      return std::unexpected(taken.error());
    }
  }
  progress_.clear();
  view_.flush();
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

}  // namespace

Outcome<> draw_identity_key(inspect::Settings& settings) {
  auto& key = settings.identity_key;
  if (getrandom(key.data(), key.size(), 0) == static_cast<ssize_t>(key.size())) return {};
  return std::unexpected(Failure(fail_errno(errno, "cannot make a key for identities").error()));
}

Outcome<wire::Finished> read_capture(Context& context, const CaptureFiles& files, const inspect::Settings& settings,
                                     RequestView& view) {
  TIDEGATE_ASSIGN(InputFile capture, open_input("capture", files.pcap));
  TIDEGATE_ASSIGN(std::vector<InputFile> keylogs, open_keylogs(files.keylogs));
  TIDEGATE_ASSIGN(Inspector inspector,
                  Inspector::start(context.environment(), settings, std::move(capture), std::move(keylogs)));
  Session session(context, std::move(inspector), view);
  return session.run();
}

Outcome<> conclude_reading(Context& context, const std::string& pcap, const wire::Finished& finished) {
  if (const std::string unseen = blindness_of(finished.statistics.counters); !unseen.empty())
    context.say("not everything was seen: " + unseen);
  if (!finished.problem.empty()) return refuse(pcap + ": " + finished.problem + "; what came before was read");
  return {};
}

}  // namespace tidegate::cli
