// SPDX-License-Identifier: Apache-2.0
#include "cli/format/yaml.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/format/escape.hpp"

namespace tidegate::cli {
namespace {

using Json = nlohmann::ordered_json;

bool is_word(std::string_view text) {
  constexpr std::array<std::string_view, 11> reserved{"true", "false", "null", "yes", "no", "on",
                                                      "off",  "y",     "n",    "nan", "inf"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(reserved.begin(), reserved.end(), lower) != reserved.end();
}

// Plain scalars start with a letter or '/' and hold nothing that YAML gives a meaning to.
bool is_plain(std::string_view text) {
  if (text.empty() || (std::isalpha(static_cast<unsigned char>(text[0])) == 0 && text[0] != '/') || is_word(text))
    return false;
  constexpr std::string_view also = " _./@+-";
  const bool clean = std::all_of(text.begin(), text.end(), [also](unsigned char c) {
    return std::isalnum(c) != 0 || also.find(static_cast<char>(c)) != also.npos;
  });
  return clean && text.back() != ' ';
}

std::string serialise(const Json& value) {
  return escape_json(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// JSON's double-quoted strings are YAML's.
std::string scalar(const Json& value) {
  if (value.is_string() && is_plain(value.get_ref<const std::string&>())) return value.get<std::string>();
  return serialise(value);
}

std::string key_of(const std::string& key) { return is_plain(key) ? key : serialise(Json(key)); }

bool is_block(const Json& value) { return value.is_structured() && !value.empty(); }

void emit(std::string& out, const Json& value, std::size_t indent, bool on_line);

void emit_entry(std::string& out, const std::string& key, const Json& value, std::size_t indent) {
  out += key_of(key) + ":";
  if (is_block(value)) {
    out += '\n';
    emit(out, value, value.is_array() ? indent : indent + 2, false);
  } else {
    out += " " + scalar(value) + "\n";
  }
}

// `on_line`: the first line's indentation is there already (after "- ").
void emit(std::string& out, const Json& value, std::size_t indent, bool on_line) {
  if (!is_block(value)) {
    out += (on_line ? "" : std::string(indent, ' ')) + scalar(value) + "\n";
    return;
  }
  bool first = on_line;
  if (value.is_array()) {
    for (const Json& element : value) {
      out += first ? "- " : std::string(indent, ' ') + "- ";
      emit(out, element, indent + 2, true);
      first = false;
    }
    return;
  }
  for (const auto& [key, element] : value.items()) {
    if (!first) out += std::string(indent, ' ');
    emit_entry(out, key, element, indent);
    first = false;
  }
}

}  // namespace

std::string to_yaml(const Json& document) {
  std::string out;
  emit(out, document, 0, false);
  return out;
}

}  // namespace tidegate::cli
