// SPDX-License-Identifier: Apache-2.0
// Results on stdout, in the form that was asked for. One document model feeds JSON and YAML.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "cli/environment.hpp"
#include "cli/format/style.hpp"

namespace tidegate::cli {

using Json = nlohmann::ordered_json;  // keys stay in the order in which they are documented

enum class Format { kTable, kJson, kYaml };

class Output {
 public:
  Output(Environment& environment, Format format)
      : environment_(environment), format_(format), style_(environment.colours()) {}

  Format format() const { return format_; }
  bool is_table() const { return format_ == Format::kTable; }
  const Style& style() const { return style_; }
  std::ostream& out() { return environment_.out; }

  // One document, or what `table` prints.
  void show(const Json& document, const std::function<void(std::ostream&)>& table);

  // A list whose length nobody knows beforehand: begin_list, element for each, end_list make one document.
  void begin_list();
  void element(const Json& document);
  void end_list();

  // One object of a stream, flushed: a line of JSON, or a YAML document.
  void stream(const Json& document);

 private:
  Environment& environment_;
  Format format_;
  Style style_;
  bool list_empty_ = true;
};

}  // namespace tidegate::cli
