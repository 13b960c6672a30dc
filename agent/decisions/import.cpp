// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "agent/decisions/fields.hpp"
#include "agent/decisions/splitter.hpp"
#include "agent/decisions/transfer.hpp"

namespace tidegate::decisions {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// A CSV header begins with a quote or a column's name; of these `action`, `bytes`, `created`, `expires` and `forced`
// could be the start of an address, and so must not come first.
Format told_from(char first) {
  if (first == '[' || first == '{') return Format::kJson;
  return std::string_view("\"itorp").find(first) != std::string_view::npos ? Format::kCsv : Format::kPlain;
}

class Parser final : public ImportParser {
 public:
  Parser(ImportOptions options, Sink sink) : options_(std::move(options)), sink_(std::move(sink)) {}

  void feed(std::string_view chunk) override {
    if (splitter_ == nullptr) {
      begin(chunk);
    } else if (!summary_.failure) {
      splitter_->feed(chunk);
    }
  }

  ImportSummary finish() override {
    if (splitter_ == nullptr && !head_.empty()) start(Format::kPlain);
    if (splitter_ != nullptr) splitter_->finish();
    return std::move(summary_);
  }

 private:
  // Until the first byte that is neither of a byte order mark nor blank.
  void begin(std::string_view chunk) {
    head_ += chunk;
    if (at_start_ && head_.size() < kByteOrderMark.size() && kByteOrderMark.starts_with(head_)) return;
    if (std::exchange(at_start_, false) && head_.starts_with(kByteOrderMark)) head_.erase(0, kByteOrderMark.size());
    const auto first = std::ranges::find_if_not(head_, is_space);
    line_ += static_cast<std::uint64_t>(std::count(head_.begin(), first, '\n'));
    head_.erase(head_.begin(), first);
    if (!head_.empty()) start(told_from(head_.front()));
  }

  void start(Format told) {
    format_ = options_.format.value_or(told);
    splitter_ = Splitter::create(
        format_, line_, [this](std::uint64_t line, std::string_view text) { take(line, text); },
        [this](std::uint64_t line, const std::string& message) { report(line, message); });
    splitter_->feed(std::exchange(head_, {}));
  }

  void take(std::uint64_t line, std::string_view text) {
    if (summary_.failure || is_empty(text)) return;
    if (format_ == Format::kCsv && !csv_.has_header()) {
      read_header(line, text);
      return;
    }
    Parsed parsed = parse(text);
    if (!parsed) return report(line, parsed.error().message);
    if (!*parsed) {
      ++summary_.expired;
      return;
    }
    hand_on(line, std::move(**parsed));
  }

  // Blank, or a comment of the plain format.
  bool is_empty(std::string_view text) const {
    const auto first = std::ranges::find_if_not(text, is_space);
    return first == text.end() || (format_ == Format::kPlain && *first == '#');
  }

  // Without a header no record means anything: that one error is all.
  void read_header(std::uint64_t line, std::string_view text) {
    if (Status status = csv_.read_header(text); !status) {
      report(line, status.error().message);
      broken_ = true;
    }
  }

  Parsed parse(std::string_view text) {
    if (format_ == Format::kJson) return parse_json(text, options_);
    if (format_ == Format::kCsv) return csv_.parse(text, options_);
    return parse_plain(text.substr(text.find_first_not_of(" \t")), options_);
  }

  void hand_on(std::uint64_t line, NewDecision&& decision) {
    Status status = sink_(std::move(decision));
    if (status) {
      ++summary_.accepted;
      return;
    }
    const ErrorCode code = status.error().code;
    if (code == ErrorCode::kInvalidArgument || code == ErrorCode::kFailedPrecondition) {
      report(line, status.error().message);
    } else {
      summary_.failure = std::move(status.error());
    }
  }

  void report(std::uint64_t line, std::string_view message) {
    if (broken_) return;
    ++summary_.error_count;
    if (summary_.errors.size() < ImportSummary::kMostErrors) summary_.errors.push_back({line, printable(message)});
  }

  ImportOptions options_;
  Sink sink_;
  ImportSummary summary_;
  Format format_ = Format::kPlain;
  std::unique_ptr<Splitter> splitter_;
  CsvParser csv_;
  std::string head_;  // before the format is known
  bool at_start_ = true;
  bool broken_ = false;
  std::uint64_t line_ = 1;
};

}  // namespace

std::unique_ptr<ImportParser> ImportParser::create(ImportOptions options, Sink sink) {
  return std::make_unique<Parser>(std::move(options), std::move(sink));
}

}  // namespace tidegate::decisions
