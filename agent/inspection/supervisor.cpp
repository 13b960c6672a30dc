// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/supervisor.hpp"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "agent/inspection/loop.hpp"
#include "agent/inspection/program.hpp"
#include "agent/inspection/shared.hpp"

namespace tidegate::inspection {
namespace {

constexpr std::size_t kLongestLine = 1024;

Status random_key(inspect::HashKey& key) {
  if (::getrandom(key.data(), key.size(), 0) == static_cast<ssize_t>(key.size())) return {};
  return fail_errno(errno, "inspection: no random numbers");
}

// The number of lines, if each is one that a reader would take.
Result<std::uint64_t> count_lines(std::string_view lines) {
  std::uint64_t count = 0;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    if (end > kLongestLine) {
      return fail(ErrorCode::kInvalidArgument, "keys: line " + std::to_string(count + 1) +
                                                   " of the message is longer " + "than " +
                                                   std::to_string(kLongestLine) + " bytes");
    }
    ++count;
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return count;
}

}  // namespace

Options default_options() {
  Options options;
  options.find_program = find_inspector;
  options.find_examiner = find_examiner;
  options.random_key = random_key;
  options.warn = [](const std::string&) {};
  return options;
}

void Supervisor::Shared::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_up.get(), &one, sizeof one);
}

Supervisor::Supervisor(Options options, const Clock& clock)
    : shared_(std::make_shared<Shared>(clock, UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)))),
      thread_([shared = shared_, options = std::move(options)](const std::stop_token& stop) mutable {
        Loop(*shared, std::move(options)).run(stop);
      }) {}

Supervisor::~Supervisor() {
  thread_.request_stop();
  shared_->wake();
}

void Supervisor::set_policy(const policy::Policy& policy) {
  shared_->inbox.lock()->plan = make_plan(policy);
  shared_->wake();
}

Report Supervisor::report() const {
  const auto now = shared_->clock.monotonic();
  auto board = shared_->board.lock();
  Report report = board->report;
  for (auto& source : report.keys) {
    if (source.last_seen) *source.last_seen += now - board->time;
    if (source.kind == kPublishKind) source.dropped += board->published_dropped;
  }
  return report;
}

std::vector<EndpointRow> Supervisor::endpoints(std::size_t most) const { return shared_->endpoints.lock()->top(most); }

Result<Inspection::Published> Supervisor::publish(std::string_view lines) {
  TIDEGATE_ASSIGN(const auto count, count_lines(lines));
  Published result;
  {
    auto inbox = shared_->inbox.lock();
    const bool room = inbox->lines.size() + lines.size() + 1 <= kMostPublished;
    if (inbox->takes_lines && room) {
      if (inbox->lines.capacity() < kMostPublished) inbox->lines.reserve(kMostPublished);  // never copied elsewhere
      inbox->lines += lines;
      if (!lines.empty() && lines.back() != '\n') inbox->lines += '\n';
      result.handed_on = count;
    } else {
      result.dropped = count;
    }
  }
  if (result.dropped > 0) shared_->board.lock()->published_dropped += result.dropped;
  shared_->wake();
  return result;
}

}  // namespace tidegate::inspection
