// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/key_control.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "agent/inspect/process/prologue.hpp"

namespace tidegate::inspect::process {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBetweenKeyReports{250};
constexpr milliseconds kBetweenExpiries{1000};

KeySourceKind kind_of(wire::KeySource::Kind kind) {
  switch (kind) {
    case wire::KeySource::Kind::kListenStream:
      return KeySourceKind::kListener;
    case wire::KeySource::Kind::kStream:
      return KeySourceKind::kStream;
    case wire::KeySource::Kind::kDatagramHaproxy:
      return KeySourceKind::kDatagram;
    case wire::KeySource::Kind::kFifo:
      return KeySourceKind::kFifo;
    case wire::KeySource::Kind::kFile:
      return KeySourceKind::kFile;
  }
  return KeySourceKind::kStream;
}

}  // namespace

KeyControl::KeyControl(KeyStore& keys, const wire::Channel& channel, const Clock& clock)
    : keys_(keys),
      channel_(channel),
      clock_(clock),
      sources_(keys, {}, clock),
      memory_file_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

void KeyControl::add(const wire::KeySource& source, UniqueFd descriptor) {
  ended_.erase(source.id);
  KeySenders allowed{.users = {source.allowed_users.begin(), source.allowed_users.end()}, .groups = {}};
  if (source.allowed_group) allowed.groups.push_back(*source.allowed_group);
  if (!descriptor || !sources_.add(source.id, kind_of(source.kind), std::move(descriptor), std::move(allowed))) {
    say_problem(channel_, "a key source cannot be waited for: it has no descriptor, or there are too many", false);
  }
}

void KeyControl::add_lines(const wire::KeyLines& lines) {
  const KeyLineCounts counts = add_key_text(keys_, lines.lines, counters_);
  if (published_.size() >= wire::kMostKeySources && !published_.contains(lines.source)) return;
  KeyLineCounts& total = published_[lines.source];
  total.accepted += counts.accepted;
  total.malformed += counts.malformed;
}

// The second number of the file: resident pages.
std::uint64_t KeyControl::resident_bytes() const {
  std::array<char, 128> text{};
  const ssize_t size = ::pread(memory_file_.get(), text.data(), text.size(), 0);
  if (size <= 0) return 0;
  const std::string_view numbers(text.data(), static_cast<std::size_t>(size));
  const std::size_t second = numbers.find(' ');
  if (second == std::string_view::npos) return 0;
  std::uint64_t pages = 0;
  std::from_chars(numbers.data() + second + 1, numbers.data() + numbers.size(), pages);
  constexpr std::uint64_t kPage = 4096;
  return pages * kPage;
}

wire::KeyStatistics KeyControl::statistics(const std::vector<KeySourceFigures>& figures) const {
  wire::KeyStatistics statistics{
      .counters = counters_, .sessions = keys_.size(), .resident_bytes = resident_bytes(), .sources = {}};
  for (const KeySourceFigures& source : figures) {
    statistics.sources.push_back({.id = source.id,
                                  .accepted = source.accepted,
                                  .malformed = source.malformed,
                                  .dropped = source.dropped,
                                  .refused = source.refused,
                                  .senders = source.connections});
  }
  for (const auto& [id, counts] : published_) {
    statistics.sources.push_back({.id = id, .accepted = counts.accepted, .malformed = counts.malformed});
  }
  return statistics;
}

void KeyControl::report_ended(const std::vector<KeySourceFigures>& figures) {
  for (const KeySourceFigures& source : figures) {
    if (!source.ended || ended_.contains(source.id)) continue;
    const auto sent = channel_.send(wire::encode(wire::ToAgent(wire::KeySourceEnded{source.id})), wire::Wait::kNo);
    if (sent && *sent) ended_.insert(source.id);
  }
}

void KeyControl::report() {
  const MonotonicTime now = clock_.monotonic();
  if (now >= next_expiry_) {
    keys_.expire();
    next_expiry_ = now + kBetweenExpiries;
  }
  if (now < next_report_) return;
  next_report_ = now + kBetweenKeyReports;
  const std::vector<KeySourceFigures> figures = sources_.figures();
  report_ended(figures);
  static_cast<void>(channel_.send(wire::encode(wire::ToAgent(statistics(figures))), wire::Wait::kNo));
}

}  // namespace tidegate::inspect::process
