// SPDX-License-Identifier: Apache-2.0
// The objects of an array, or one after the other. Only their bounds are found here, by braces outside of strings.
#include <cctype>
#include <utility>

#include "agent/decisions/splitter.hpp"

namespace tidegate::decisions {
namespace {

class JsonSplitter final : public Splitter {
 public:
  JsonSplitter(std::uint64_t first_line, OnRecord on_record, OnError on_error)
      : line_(first_line), on_record_(std::move(on_record)), on_error_(std::move(on_error)) {}

  void feed(std::string_view chunk) override {
    for (const char c : chunk) {
      if (state_ == State::kBroken) return;
      if (depth_ > 0) {
        inside(c);
      } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
        between(c);
      }
      if (c == '\n') ++line_;
    }
  }

  void finish() override {
    if (state_ == State::kBroken) return;
    if (depth_ > 0) {
      broken(begin_, "the object that begins here is not complete");
    } else if (state_ == State::kFirst || state_ == State::kAfterObject || state_ == State::kAfterComma) {
      broken(line_, "the array is not complete: ']' is missing");
    }
  }

 private:
  enum class State {
    kStart,
    kFirst,        // behind '[': an object or ']'
    kAfterObject,  // in the array: ',' or ']'
    kAfterComma,   // in the array: an object
    kStream,       // no array: objects one after the other
    kEnd,          // behind ']'
    kBroken,
  };

  void between(char c) {
    const bool object_may_begin = state_ != State::kAfterObject && state_ != State::kEnd;
    if (c == '{' && object_may_begin) {
      if (state_ == State::kStart) state_ = State::kStream;
      begin_ = line_;
      too_long_ = in_string_ = escaped_ = false;
      depth_ = 1;
      held_.assign(1, c);
    } else if (c == '[' && state_ == State::kStart) {
      state_ = State::kFirst;
    } else if (c == ',' && state_ == State::kAfterObject) {
      state_ = State::kAfterComma;
    } else if (c == ']' && (state_ == State::kFirst || state_ == State::kAfterObject)) {
      state_ = State::kEnd;
    } else {
      broken(line_, "not the JSON that export writes: an array of objects, or one object after the other");
    }
  }

  void inside(char c) {
    if (held_.size() >= ImportParser::kMostRecordBytes) too_long_ = true;
    if (!too_long_) held_ += c;
    if (in_string_) {
      in_string_ = escaped_ || c != '"';
      escaped_ = !escaped_ && c == '\\';
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      complete();
    }
  }

  void complete() {
    if (state_ != State::kStream) state_ = State::kAfterObject;
    if (too_long_) {
      on_error_(begin_, "the object is longer than " + std::to_string(ImportParser::kMostRecordBytes) + " bytes");
    } else {
      on_record_(begin_, held_);
    }
  }

  void broken(std::uint64_t line, std::string message) {
    state_ = State::kBroken;
    on_error_(line, std::move(message));
  }

  State state_ = State::kStart;
  std::uint64_t line_;
  OnRecord on_record_;
  OnError on_error_;
  std::string held_;
  std::uint64_t begin_ = 0;
  std::uint64_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool too_long_ = false;
};

}  // namespace

std::unique_ptr<Splitter> make_json_splitter(std::uint64_t first_line, Splitter::OnRecord on_record,
                                             Splitter::OnError on_error) {
  return std::make_unique<JsonSplitter>(first_line, std::move(on_record), std::move(on_error));
}

}  // namespace tidegate::decisions
