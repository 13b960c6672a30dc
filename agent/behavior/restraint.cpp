// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/restraint.hpp"

#include <algorithm>

namespace tidegate::behavior {
namespace {

constexpr Micros kSecond = 1'000'000;

std::uint32_t second_of(Micros time) { return static_cast<std::uint32_t>(time / kSecond); }

}  // namespace

double Offenders::Judge::worth(const Record& record) const {
  const Micros left = std::max(record.quiet_until, record.remembered_until) - now;
  return left <= 0 ? -1 : record.decisions + static_cast<double>(left) / (static_cast<double>(left) + 3600e6);
}

bool Offenders::is_quiet(std::uint64_t key, Micros now) {
  const Record* record = table_.find(key);
  return record != nullptr && now < record->quiet_until;
}

void Offenders::rename(std::uint64_t from, std::uint64_t to) {
  if (table_.find(to) == nullptr) table_.rename(from, to);
}

std::uint32_t Offenders::earlier(std::uint64_t key, Micros now) {
  const Record* record = table_.find(key);
  return record != nullptr && now < record->remembered_until ? record->decisions : 0;
}

void Offenders::decided(std::uint64_t key, Micros now, Micros quiet, Micros memory) {
  judge_.now = now;
  const std::uint32_t before = earlier(key, now);
  table_.update(key, [&](Record& record) { record = {now + quiet, now + memory, before + 1}; });
}

void Offenders::recall(std::uint64_t key, const Record& known) {
  table_.update(key, [&](Record& record) { record = known; });
}

void Offenders::held_back(std::uint64_t key, Micros now, Micros quiet) {
  judge_.now = now;
  table_.update(key, [&](Record& record) { record.quiet_until = now + quiet; });
}

Cap::Cap(const Rate& rate) : rate_(rate) {
  shape_.span = micros(rate.per);
  shape_.newest_only = rate.amount <= Window::kExact;
}

bool Cap::allows(Micros now) const { return window_.totals(shape_, now).most < rate_.amount; }

bool Cap::alarm_is_due(Micros now) {
  if (alarmed_ && now - *alarmed_ < shape_.span) return false;
  alarmed_ = now;
  return true;
}

void SourceSessions::rename(Source& source, std::uint32_t before, std::uint32_t session) {
  const auto find = [&](std::uint32_t name) {
    return std::find_if(source.marks.begin(), source.marks.end(), [name](const Mark& m) { return m.session == name; });
  };
  const auto old = find(before);
  if (old != source.marks.end() && find(session) == source.marks.end()) old->session = session;
}

bool SourceSessions::is_present(const Mark& mark, Micros now) const {
  return static_cast<Micros>(second_of(now) - mark.second) * kSecond < micros(guard_.within);
}

SourceSessions::Mark& SourceSessions::mark_of(Source& source, std::uint64_t session, Micros now) const {
  const auto name = static_cast<std::uint32_t>(session);
  source.touched = now;
  auto found = std::find_if(source.marks.begin(), source.marks.end(), [&](const Mark& m) { return m.session == name; });
  if (found == source.marks.end() && source.marks.size() < kMost) {
    source.marks.push_back({.session = name});
    found = std::prev(source.marks.end());
  } else if (found == source.marks.end()) {
    found = std::min_element(source.marks.begin(), source.marks.end(),
                             [](const Mark& a, const Mark& b) { return a.second < b.second; });
    *found = {.session = name};
  } else if (!is_present(*found, now)) {
    *found = {.session = name};
  }
  found->second = second_of(now);
  return *found;
}

void SourceSessions::seen(std::uint64_t source, std::uint64_t session, std::optional<std::uint64_t> before, Micros now,
                          bool well) {
  judge_.now = now;
  table_.update(source, [&](Source& sessions) {
    if (before) rename(sessions, static_cast<std::uint32_t>(*before), static_cast<std::uint32_t>(session));
    Mark& mark = mark_of(sessions, session, now);
    mark.well = mark.well || well;
  });
}

void SourceSessions::offended(std::uint64_t source, std::uint64_t session, Micros now) {
  judge_.now = now;
  table_.update(source, [&](Source& sessions) { mark_of(sessions, session, now).offended = true; });
}

bool SourceSessions::shared(std::uint64_t source, std::uint64_t session, Micros now) {
  const Source* sessions = table_.find(source);
  if (sessions == nullptr || guard_.min == 0) return false;
  std::uint64_t present = 0;
  std::uint64_t others = 0;
  for (const Mark& mark : sessions->marks) {
    if (!is_present(mark, now)) continue;
    ++present;
    const bool same = session != 0 && mark.session == static_cast<std::uint32_t>(session);
    if (mark.well && !mark.offended && !same) ++others;
  }
  return others >= guard_.min && static_cast<double>(others) >= guard_.share * static_cast<double>(present);
}

}  // namespace tidegate::behavior
