// SPDX-License-Identifier: Apache-2.0
// Lines, and lines in which quotes may hide line ends (CSV).
#include "agent/decisions/splitter.hpp"

#include <algorithm>
#include <utility>

namespace tidegate::decisions {
namespace {

class LineSplitter final : public Splitter {
 public:
  LineSplitter(bool quotes, std::uint64_t first_line, OnRecord on_record, OnError on_error)
      : quotes_(quotes), line_(first_line), on_record_(std::move(on_record)), on_error_(std::move(on_error)) {}

  void feed(std::string_view chunk) override {
    while (!chunk.empty()) {
      const std::size_t end = end_of_record(chunk);
      const bool complete = end != chunk.npos;
      take(chunk.substr(0, end), complete);
      if (!complete) return;
      chunk.remove_prefix(end + 1);
    }
  }

  void finish() override {
    if (in_quotes_) {
      on_error_(line_, "a quote is not closed");
    } else if (!held_.empty()) {
      take({}, true);
    }
  }

 private:
  // Where the line end is that ends the record; npos: not in this chunk.
  std::size_t end_of_record(std::string_view chunk) {
    if (!quotes_ || skipping_) return chunk.find('\n');
    for (std::size_t at = 0; at < chunk.size(); ++at) {
      const char c = chunk[at];
      if (c == '\n' && !in_quotes_) {
        before_ = ',';
        return at;
      }
      if (c == '\n') ++inner_lines_;
      step(c);
    }
    return chunk.npos;
  }

  // A quote opens at the start of a field, and again right behind one that closed (an escaped quote).
  void step(char c) {
    if (c != '"') {
      before_ = c;
    } else if (in_quotes_) {
      in_quotes_ = false;
      before_ = '"';
    } else {
      in_quotes_ = before_ == ',' || before_ == '"';
      before_ = 'x';
    }
  }

  void take(std::string_view text, bool complete) {
    if (!skipping_ && held_.size() + text.size() > ImportParser::kMostRecordBytes) skip();
    if (!skipping_ && complete) emit(text);
    if (!skipping_ && !complete) held_ += text;
    if (!complete) return;
    held_.clear();
    skipping_ = false;
    line_ += 1 + std::exchange(inner_lines_, 0);
  }

  // Too long: the rest up to the next line end is passed over, whatever quotes are open.
  void skip() {
    on_error_(line_, "the line is longer than " + std::to_string(ImportParser::kMostRecordBytes) + " bytes");
    held_.clear();
    skipping_ = true;
    in_quotes_ = false;
    before_ = ',';
  }

  void emit(std::string_view text) {
    if (!held_.empty()) text = held_ += text;
    if (text.ends_with('\r')) text.remove_suffix(1);
    on_record_(line_, text);
  }

  bool quotes_;
  std::uint64_t line_;
  OnRecord on_record_;
  OnError on_error_;
  std::string held_;
  bool skipping_ = false;
  bool in_quotes_ = false;
  char before_ = ',';  // the character before this one, outside of quotes
  std::uint64_t inner_lines_ = 0;
};

}  // namespace

std::unique_ptr<Splitter> Splitter::create(Format format, std::uint64_t first_line, OnRecord on_record,
                                           OnError on_error) {
  if (format == Format::kJson) return make_json_splitter(first_line, std::move(on_record), std::move(on_error));
  return std::make_unique<LineSplitter>(format == Format::kCsv, first_line, std::move(on_record), std::move(on_error));
}

}  // namespace tidegate::decisions
