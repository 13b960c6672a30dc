// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "agent/inspect/api/matcher.hpp"
#include "agent/inspect/model/summary.hpp"
#include "agent/openapi/document.hpp"

namespace tidegate::openapi {

// "3:5: message" for each issue, warnings with "warning: " before the message.
inline std::string issues_of(const Reading& reading) {
  std::string text;
  for (const policy::Issue& issue : reading.issues) {
    text += to_string(issue.location) + ": " + (issue.warning ? "warning: " : "") + issue.message + "\n";
  }
  return text;
}

// A description, ready to have requests held against it.
class Described {
 public:
  explicit Described(const std::string& text) : reading(read_document(text)) {
    if (reading.document) matcher = std::make_unique<inspect::api::Matcher>(*reading.document->api);
    if (!matcher) ADD_FAILURE() << issues_of(reading);
  }

  // "getUser: deprecated, invalid_query": the operation, or "-", and what is wrong.
  std::string judge(const std::string& method, const std::string& target) {
    const std::size_t question = target.find('?');
    const std::string query = question == target.npos ? "" : target.substr(question + 1);
    const auto verdict = matcher->judge(method, target.substr(0, question), query);
    std::string text = verdict.operation == 0 ? "-" : reading.document->operations[verdict.operation - 1U].name;
    const char* const names[] = {"unknown_path",     "wrong_method", "deprecated",
                                 "undeclared_query", "invalid_path", "invalid_query"};
    std::string facts;
    for (unsigned bit = 0; bit < 6; ++bit) {
      if ((verdict.facts >> bit & 1) != 0) facts += (facts.empty() ? "" : ", ") + std::string(names[bit]);
    }
    return text + (facts.empty() ? "" : ": " + facts);
  }
  std::string get(const std::string& target) { return judge("GET", target); }

  Reading reading;
  std::unique_ptr<inspect::api::Matcher> matcher;
};

// One operation `op` at GET /x with a query parameter `p` of this schema in flow style, and more of the parameter.
inline std::string with_parameter(const std::string& schema, const std::string& more = "",
                                  const std::string& version = "3.1.0") {
  return "openapi: " + version + "\ninfo: {title: t, version: '1'}\npaths:\n  /x:\n    get:\n      operationId: op\n" +
         "      parameters: [{name: p, in: query, schema: " + schema + more + "}]\n";
}

}  // namespace tidegate::openapi
