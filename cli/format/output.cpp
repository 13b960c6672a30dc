// SPDX-License-Identifier: Apache-2.0
#include "cli/format/output.hpp"

#include "cli/format/escape.hpp"
#include "cli/format/yaml.hpp"

namespace tidegate::cli {
namespace {

std::string to_json(const Json& document, int indent) {
  return escape_json(document.dump(indent, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

void Output::show(const Json& document, const std::function<void(std::ostream&)>& table) {
  switch (format_) {
    case Format::kTable:
      table(out());
      break;
    case Format::kJson:
      out() << to_json(document, 2) << '\n';
      break;
    case Format::kYaml:
      out() << to_yaml(document);
      break;
  }
}

void Output::begin_list() {
  list_empty_ = true;
  if (format_ == Format::kJson) out() << '[';
}

void Output::element(const Json& document) {
  if (format_ == Format::kJson) {
    out() << (list_empty_ ? "\n  " : ",\n  ") << to_json(document, -1);
  } else {
    out() << to_yaml(Json::array({document}));
  }
  list_empty_ = false;
}

void Output::end_list() {
  if (format_ == Format::kJson) out() << (list_empty_ ? "]\n" : "\n]\n");
  if (format_ == Format::kYaml && list_empty_) out() << "[]\n";
}

void Output::stream(const Json& document) {
  if (format_ == Format::kYaml) {
    out() << "---\n" << to_yaml(document) << std::flush;
  } else {
    out() << to_json(document, -1) << '\n' << std::flush;
  }
}

}  // namespace tidegate::cli
