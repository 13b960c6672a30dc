// SPDX-License-Identifier: Apache-2.0
// One decision as JSON, by nlohmann's SAX reader: no tree is built, depth is bounded, texts are checked as UTF-8.
#include <nlohmann/json.hpp>

#include "agent/decisions/fields.hpp"

namespace tidegate::decisions {
namespace {

class Reader {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  Fields fields;
  std::string problem;

  bool null() { return true; }
  bool boolean(bool) { return not_text(); }
  bool number_integer(number_integer_t) { return not_text(); }
  bool number_unsigned(number_unsigned_t) { return not_text(); }
  bool number_float(number_float_t, const string_t&) { return not_text(); }
  bool binary(binary_t&) { return not_text(); }
  bool string(string_t& text) {
    if (slot_ != nullptr) *slot_ = std::move(text);
    return true;
  }

  // The decision itself, and `limit` in it.
  bool start_object(std::size_t) {
    if (depth_ == 0 || (depth_ == 1 && key_is_limit_)) return ++depth_, true;
    return refuse("an object stands where none may");
  }
  bool end_object() { return --depth_, true; }
  bool start_array(std::size_t) { return refuse("an array stands where none may"); }
  bool end_array() { return true; }

  bool key(string_t& name) {
    key_is_limit_ = depth_ == 1 && name == "limit";
    slot_ = nullptr;
    ignored_ = key_is_limit_;
    if (key_is_limit_) return true;
    const auto field = field_of(name);
    const bool is_rate = field == Field::kPackets || field == Field::kBytes;
    if (!field || is_rate != (depth_ == 2)) return refuse("unknown key '" + name.substr(0, 32) + "'");
    slot_ = slot_of(fields, *field);
    ignored_ = slot_ == nullptr;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    return refuse("not JSON at byte " + std::to_string(position) + " of the object");
  }

 private:
  // Numbers and booleans are right only where they are read over (id, forced).
  bool not_text() { return (ignored_ && !key_is_limit_) || refuse("a value that must be text is none"); }
  bool refuse(std::string message) {
    problem = std::move(message);
    return false;
  }

  unsigned depth_ = 0;
  bool key_is_limit_ = false;
  bool ignored_ = false;
  std::string* slot_ = nullptr;
};

}  // namespace

Parsed parse_json(std::string_view object, const ImportOptions& options) {
  Reader reader;
  if (!nlohmann::json::sax_parse(object.begin(), object.end(), &reader)) {
    return fail(ErrorCode::kInvalidArgument, reader.problem);
  }
  return interpret(std::move(reader.fields), options);
}

}  // namespace tidegate::decisions
