// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect/reading.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "agent/config/settings.hpp"
#include "agent/inspect/wire/summary_codec.hpp"
#include "cli/inspect/examiner.hpp"
#include "cli/inspect/inspector.hpp"
#include "cli/progress.hpp"

namespace tidegate::cli {
namespace {

namespace wire = inspect::wire;

// Shows what the inspector sends until it has finished.
class Session {
 public:
  Session(Context& context, Inspector inspector, std::optional<Examiner> examiner, RequestView& view)
      : context_(context),
        inspector_(std::move(inspector)),
        examiner_(std::move(examiner)),
        view_(view),
        progress_(context.environment(), "reading", inspector_.capture_size()) {}

  Outcome<Reading> run();

 private:
  Outcome<> take(const wire::ToAgent& message);
  Outcome<> show(const wire::Summaries& summaries);
  bool completes(inspect::Summary& summary);
  Outcome<> hear();
  Reading conclude();

  Context& context_;
  Inspector inspector_;
  std::optional<Examiner> examiner_;
  RequestView& view_;
  Progress progress_;
  inspect::Summary summary_;
  std::optional<wire::Finished> finished_;
};

// What the examiner says of a payload is known from it alone. False: nothing.
bool Session::completes(inspect::Summary& summary) {
  if (summary.kind != inspect::SummaryKind::kPayload) return true;
  summary.attacks = examiner_ ? examiner_->verdict(summary.sequence) : std::uint8_t{0};
  return summary.attacks != 0;
}

Outcome<> Session::show(const wire::Summaries& summaries) {
  progress_.clear();
  wire::SummaryReader reader(summaries.records);
  while (reader.next(summary_)) {
    if (completes(summary_)) view_.add(summary_);
  }
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

Reading Session::conclude() {
  Reading reading{.finished = std::move(*finished_)};
  if (!examiner_) return reading;
  examiner_->finish();
  examiner_->add_to(reading.finished.statistics.counters);
  reading.unexamined = examiner_->problem();
  reading.examination_began = examiner_->began();
  return reading;
}

Outcome<> Session::hear() {
  if (examiner_) examiner_->hear();
  TIDEGATE_ASSIGN(const auto heard, inspector_.next(examiner_ ? examiner_->fd() : -1));
  if (heard.pause) view_.flush();  // show what there is
  return heard.message ? take(*heard.message) : Outcome<>();
}

Outcome<Reading> Session::run() {
  while (!finished_) {
    if (context_.environment().interrupted) {
      view_.flush();
      return refuse(Exit::kInterrupted, "interrupted; the result is not complete");
    }
    if (const Outcome<> heard = hear(); !heard) {
      view_.flush();
      return std::unexpected(heard.error());
    }
  }
  progress_.clear();
  view_.flush();
  return conclude();
}

struct Examination {
  std::optional<Examiner> examiner;
  UniqueFd payloads;    // the inspector's end
  std::string problem;  // why it did not begin
};

// Without an examiner all else is read as well.
Examination begin_examination(Context& context, const std::optional<std::string>& named) {
  const std::string rules = named.value_or(config::InspectSettings().payload_rules);
  const auto begin = [&]() -> Outcome<Examination> {
    TIDEGATE_ASSIGN(auto ends, wire::Channel::pair());
    TIDEGATE_ASSIGN(auto examiner, Examiner::start(context.environment(), rules, std::move(ends.second)));
    return Examination{std::move(examiner), std::move(ends.first), {}};
  };
  auto begun = begin();
  if (begun) return std::move(*begun);
  return {.examiner = std::nullopt, .payloads = {}, .problem = begun.error().message};
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

Outcome<Reading> read_capture(Context& context, const CaptureFiles& files, inspect::Settings settings, bool examine,
                              RequestView& view) {
  TIDEGATE_ASSIGN(InputFile capture, open_input("capture", files.pcap));
  TIDEGATE_ASSIGN(std::vector<InputFile> keylogs, open_keylogs(files.keylogs));
  const bool asked = std::ranges::any_of(settings.services, &inspect::InspectedService::payload_sample);
  Examination examination = examine && asked ? begin_examination(context, files.payload_rules) : Examination();
  for (auto& service : settings.services) {
    service.payload_sample = examination.examiner && service.payload_sample > 0 ? 1 : 0;
  }
  TIDEGATE_ASSIGN(Inspector inspector, Inspector::start(context.environment(), settings, std::move(capture),
                                                        std::move(keylogs), std::move(examination.payloads)));
  Session session(context, std::move(inspector), std::move(examination.examiner), view);
  TIDEGATE_ASSIGN(Reading reading, session.run());
  if (!examination.problem.empty()) reading.unexamined = std::move(examination.problem);
  return reading;
}

Outcome<> conclude_reading(Context& context, const std::string& pcap, const Reading& reading, bool needs_payloads) {
  const wire::Finished& finished = reading.finished;
  if (const std::string unseen = blindness_of(finished.statistics.counters); !unseen.empty())
    context.say("not everything was seen: " + unseen);
  const std::string unexamined = std::string(reading.examination_began ? "not all payloads" : "no payloads") +
                                 " were examined: " + reading.unexamined;
  const bool incomplete = !reading.unexamined.empty() && (reading.examination_began || needs_payloads);
  if (!reading.unexamined.empty() && (!incomplete || !finished.problem.empty())) context.say(unexamined);
  if (!finished.problem.empty()) return refuse(pcap + ": " + finished.problem + "; what came before was read");
  return incomplete ? refuse(unexamined) : Outcome<>();
}

}  // namespace tidegate::cli
