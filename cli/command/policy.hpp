// SPDX-License-Identifier: Apache-2.0
// What the commands below `policy` share.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <filesystem>
#include <ostream>
#include <string>

#include "agent/config/policy_reader.hpp"
#include "cli/context.hpp"
#include "cli/outcome.hpp"
#include "cli/parser.hpp"
#include "tidegate/v1/policy.pb.h"

namespace tidegate::cli {

void add_policy_check(Command& policy);
void add_policy_diff(Command& policy);
void add_policy_apply(Command& policy);
void add_policy_generations(Command& policy);  // confirm, rollback, show, history

struct PolicyText {
  std::string name;  // for messages: the file, or "<stdin>"
  std::string text;
  std::filesystem::path directory;  // that it stands in
};

// A policy file, or standard input for "-".
Outcome<PolicyText> read_policy_text(Context& context, const std::string& file);

// As the agent judges it, with the API descriptions that it names: relative names are of the file's directory, of the
// working directory for standard input.
config::ParsedPolicy check_whole_policy(PolicyText source);

using Issues = google::protobuf::RepeatedPtrField<::tidegate::v1::PolicyIssue>;
using Changes = google::protobuf::RepeatedPtrField<::tidegate::v1::PolicyChange>;

// "FILE:LINE:COL: message" on stderr, a line each.
void print_issues(Context& context, const std::string& file, const Issues& issues);
// "~ path  before → after", "+ path  after", "- path  before", or "no difference".
void print_changes(std::ostream& out, const Style& style, const Changes& changes);
// What an apply or rollback did. `verb`: "applied".
void print_applied(std::ostream& out, Context& context, const std::string& verb,
                   const ::tidegate::v1::ApplyPolicyResponse& applied);

}  // namespace tidegate::cli
