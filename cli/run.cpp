// SPDX-License-Identifier: Apache-2.0
#include "cli/run.hpp"

#include "cli/command/commands.hpp"
#include "cli/context.hpp"
#include "cli/format/escape.hpp"
#include "cli/parser.hpp"
#include "cli/socket_probe.hpp"

namespace tidegate::cli {
namespace {

constexpr const char* kDefaultSocket = "/run/tidegate/tidegate.sock";

void register_commands(Command& root) {
  add_status(root);
  add_top(root);
  add_events(root);
  add_why(root);
  add_block(root);
  add_unblock(root);
  add_limit(root);
  add_decisions(root);
  add_safelist(root);
  add_policy(root);
  add_replay(root);
  add_inspect(root);
  add_rules(root);
  add_api(root);
  add_attach(root);
  add_detach(root);
  add_support(root);
  add_completion(root);
}

int say(Environment& environment, Exit exit, const std::string& message) {
  if (!message.empty()) environment.err << "tidegate: " << escape_text(message) << '\n';
  environment.out.flush();
  return static_cast<int>(exit);
}

Format format_of(const std::string& name) {
  if (name == "json") return Format::kJson;
  return name == "yaml" ? Format::kYaml : Format::kTable;
}

Outcome<> check_globals(const Globals& globals) {
  if (!globals.server && !globals.certificate && !globals.key && !globals.ca && !globals.token_file) {
    return check_socket_path(globals.socket);
  }
  return refuse(Exit::kUsage,
                "--server, --cert, --key, --ca and --token-file: this version's agent listens only on a Unix socket; "
                "use --socket PATH on the agent's host");
}

}  // namespace

int run(int argc, const char* const* argv, Environment& environment) {
  Parser parser(environment.variable("TIDEGATE_SOCKET").value_or(kDefaultSocket));
  register_commands(parser.root());
  if (const auto stop = parser.parse(argc, argv)) {
    environment.out << stop->out;
    return say(environment, stop->exit, stop->err);
  }
  if (const Outcome<> usable = check_globals(parser.globals()); !usable) {
    return say(environment, usable.error().exit, usable.error().message);
  }
  const std::string& format = parser.globals().format;
  Context context(environment, format_of(format), parser.globals().socket, parser.root());
  context.set_format_given(!format.empty());
  if (const Outcome<> outcome = parser.chosen()(context); !outcome) {
    return say(environment, outcome.error().exit, outcome.error().message);
  }
  environment.out.flush();
  if (!environment.out) return say(environment, Exit::kFailed, "cannot write the result to standard output");
  return static_cast<int>(Exit::kDone);
}

}  // namespace tidegate::cli
