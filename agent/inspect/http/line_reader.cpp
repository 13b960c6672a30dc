// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/line_reader.hpp"

#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_blank(std::string_view line) { return without_end(line).empty(); }

// Where the first line of `text` is over; kNone: not in there, or the byte that tells is not.
std::size_t line_end(std::string_view text, bool folds) {
  std::size_t end = text.find('\n');
  if (end == kNone) return kNone;
  ++end;
  if (!folds || is_blank(text.substr(0, end))) return end;
  while (end < text.size() && is_space(text[end])) {
    end = text.find('\n', end);
    if (end == kNone) return kNone;
    ++end;
  }
  return end < text.size() ? end : kNone;
}

}  // namespace

LineReader::Result LineReader::next(std::string_view& rest, std::string_view& line, bool folds) {
  if (delivered_) {
    kept_.release();
    delivered_ = ended_ = false;
  }
  if (dropping_) return drop(rest);
  if (!kept_.empty()) return resume(rest, line, folds);
  const std::size_t end = line_end(rest, folds);
  if (end == kNone) {
    ended_ = rest.ends_with('\n');
    return keep(rest);
  }
  if (end > longest_) {
    rest.remove_prefix(end);
    return Result::kTooLong;
  }
  line = without_end(rest.substr(0, end));
  rest.remove_prefix(end);
  return Result::kLine;
}

void LineReader::reset() {
  kept_.release();
  ended_ = delivered_ = dropping_ = false;
}

void LineReader::drop_line() {
  reset();
  dropping_ = true;
}

LineReader::Result LineReader::resume(std::string_view& rest, std::string_view& line, bool folds) {
  while (!rest.empty()) {
    if (ended_ && !is_space(rest.front())) return deliver(line);
    const std::size_t end = rest.find('\n');
    std::string_view part = rest.substr(0, end == kNone ? kNone : end + 1);
    rest.remove_prefix(part.size());
    ended_ = end != kNone;
    if (keep(part); dropping_) return drop(rest);
    if (ended_ && (!folds || is_blank(kept_.text()))) return deliver(line);
  }
  return Result::kMore;
}

LineReader::Result LineReader::deliver(std::string_view& line) {
  line = without_end(kept_.text());
  delivered_ = true;
  return Result::kLine;
}

LineReader::Result LineReader::keep(std::string_view& rest) {
  if (rest.size() > longest_ - kept_.size() || !kept_.append(rest)) {
    kept_.release();
    dropping_ = true;
  }
  rest = {};
  return Result::kMore;
}

LineReader::Result LineReader::drop(std::string_view& rest) {
  // A line that had its end when it became too long, and only waited for a continuation, is over already.
  if (!ended_) {
    const std::size_t end = rest.find('\n');
    rest.remove_prefix(end == kNone ? rest.size() : end + 1);
    if (end == kNone) return Result::kMore;
  }
  dropping_ = ended_ = false;
  return Result::kTooLong;
}

}  // namespace tidegate::inspect::http
