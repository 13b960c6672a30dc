// SPDX-License-Identifier: Apache-2.0
#include "agent/openapi/notes.hpp"

namespace tidegate::openapi {

void Notes::add(const std::string& what, policy::Location location) {
  const bool room = notes_.size() < kMost || notes_.contains(what);
  Note& note = notes_[room ? what : "and more of this kind"];
  if (note.count++ == 0) note.first = location;
}

void Notes::put_into(policy::Report& report) const {
  for (const auto& [what, note] : notes_) {
    const std::string times = note.count == 1 ? "" : ", " + std::to_string(note.count) + " times, first here";
    report.warning(note.first, "not judged: " + what + times);
  }
}

}  // namespace tidegate::openapi
