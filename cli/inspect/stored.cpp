// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect/stored.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/command/common.hpp"
#include "cli/format/escape.hpp"
#include "cli/inspect/line_reader.hpp"
#include "cli/inspect/summary_parse.hpp"
#include "cli/progress.hpp"

namespace tidegate::cli {
namespace {

constexpr std::uint64_t kMostComplaints = 20;
constexpr std::uint64_t kShowEvery = 256;  // lines

class Stored {
 public:
  Stored(Context& context, std::string name, std::istream& in, std::uint64_t size, const inspect::Settings& settings,
         RequestView& view)
      : context_(context),
        name_(std::move(name)),
        lines_(in, kLongestSummaryLine + 1),
        settings_(settings),
        view_(view),
        progress_(context.environment(), "reading", size) {}

  Outcome<> run();

 private:
  void take(const std::string& line);
  void complain(const std::string& what);
  Outcome<> conclude();

  Context& context_;
  const std::string name_;
  LineReader lines_;
  const inspect::Settings& settings_;
  RequestView& view_;
  Progress progress_;
  std::uint64_t bad_ = 0;
  std::uint64_t elsewhere_ = 0;  // of no inspected service
};

void Stored::complain(const std::string& what) {
  if (++bad_ > kMostComplaints) return;
  progress_.clear();
  context_.environment().err << escape_text(name_) << ':' << lines_.number() << ": " << escape_text(what) << '\n';
}

void Stored::take(const std::string& line) {
  if (line.find_first_not_of(" \t") == line.npos) return;
  auto parsed = parse_summary(line);
  if (!parsed) return complain(parsed.error().message);
  if (!*parsed) return;
  inspect::Summary& summary = **parsed;
  const inspect::Endpoint& server = summary.connection.flow.server;
  const inspect::InspectedService* service = inspect::service_of(settings_, server.address, server.port);
  if (service == nullptr) {
    ++elsewhere_;
    return;
  }
  summary.service = service->name;
  summary.sequence = lines_.number();
  view_.add(summary);
}

Outcome<> Stored::conclude() {
  progress_.clear();
  view_.flush();
  if (elsewhere_ != 0)
    context_.say(plural(elsewhere_, "request") + " of no service that the policy inspects; rules do not see them");
  if (bad_ != 0)
    return refuse(name_ + ": " + plural(bad_, "line") + " of " + std::to_string(lines_.number()) +
                  " could not be read; the others were");
  return {};
}

Outcome<> Stored::run() {
  std::string line;
  while (lines_.next(line)) {
    if (context_.environment().interrupted) {
      view_.flush();
      return refuse(Exit::kInterrupted, "interrupted; the result is not complete");
    }
    take(line);
    if (lines_.number() % kShowEvery == 0) progress_.at(lines_.bytes());
  }
  return conclude();
}

}  // namespace

Outcome<> read_summaries(Context& context, const std::string& file, const inspect::Settings& settings,
                         RequestView& view) {
  if (file == "-") return Stored(context, "<stdin>", context.environment().in, 0, settings, view).run();
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) return refuse(file + " is a directory, not a file of requests");
  std::ifstream in(file, std::ios::binary);
  if (!in) return refuse("cannot open " + file + ": " + std::strerror(errno));
  const auto size = std::filesystem::file_size(file, error);
  return Stored(context, file, in, error ? 0 : size, settings, view).run();
}

}  // namespace tidegate::cli
