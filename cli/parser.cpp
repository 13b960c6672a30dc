// SPDX-License-Identifier: Apache-2.0
#include "cli/parser.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "agent/config/map_reader.hpp"
#include "cli/format/escape.hpp"
#include "cli/version.hpp"

namespace tidegate::cli {
namespace {

std::string examples(const std::string& text) {
  std::istringstream lines(text);
  std::string result = "Example:";
  for (std::string line; std::getline(lines, line);) result += "\n  tidegate " + line;
  return result;
}

// The command that was given, as far as it was understood.
const CLI::App& innermost(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

std::string path_of(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : path_of(*app.get_parent()) + " " + app.get_name();
}

// A command that is missing and one that is misspelled are the same to CLI11, not to people.
std::string unknown_command(const CLI::App& command) {
  std::vector<std::string_view> known;
  for (const CLI::App* each : command.get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(each->get_name());
  }
  const CLI::App* root = &command;
  while (root->get_parent() != nullptr) root = root->get_parent();
  const std::vector<std::string> rest = root->remaining(true);
  if (known.empty() || rest.empty() || rest.front().starts_with('-')) return "";
  return "there is no command '" + rest.front() + "'" + config::suggestion(rest.front(), known);
}

std::string wrong_usage(const CLI::App& app, const std::string& what) {
  const CLI::App& command = innermost(app);
  std::string text = unknown_command(command);
  if (text.empty()) text = what;
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text + (text.ends_with('?') ? " See `" : "; see `") + path_of(command) + " --help`";
}

}  // namespace

Argument& Argument::required() {
  option_->required();
  return *this;
}

Argument& Argument::one_of(const std::vector<std::string>& values) {
  std::string names;
  for (const std::string& value : values) names += (names.empty() ? "" : "|") + value;
  option_->type_name(names);
  option_->check(
      [values, names](const std::string& given) -> std::string {
        const bool known = std::find(values.begin(), values.end(), given) != values.end();
        return known ? "" : "'" + escape_text(given) + "' is not one of " + names;
      },
      "");
  return *this;
}

Command::Command(CLI::App& app, std::shared_ptr<Run> chosen) : app_(&app), chosen_(std::move(chosen)) {}

Command Command::add(const std::string& name, const std::string& description, const std::string& example) {
  CLI::App* app = app_->add_subcommand(name, description);
  app->footer(examples(example));
  return Command(*app, chosen_);
}

Command Command::add_group(const std::string& name, const std::string& description, const std::string& example) {
  Command group = add(name, description, example);
  group.app_->require_subcommand(1);
  return group;
}

void Command::flag(const std::string& names, bool& value, const std::string& help) {
  app_->add_flag(names, value, help);
}

Argument Command::option(const std::string& names, std::string& value, const std::string& placeholder,
                         const std::string& help) {
  return Argument(app_->add_option(names, value, help)->type_name(placeholder));
}

Argument Command::option(const std::string& names, std::optional<std::string>& value, const std::string& placeholder,
                         const std::string& help) {
  const auto store = [&value](const std::string& text) { value = text; };
  return Argument(app_->add_option_function<std::string>(names, store, help)->type_name(placeholder));
}

Argument Command::option(const std::string& names, std::uint64_t& value, const std::string& placeholder,
                         const std::string& help) {
  return Argument(app_->add_option(names, value, help)->type_name(placeholder));
}

Argument Command::option(const std::string& names, std::vector<std::string>& value, const std::string& placeholder,
                         const std::string& help) {
  return Argument(app_->add_option(names, value, help)->type_name(placeholder)->expected(1)->take_all());
}

Argument Command::option(const std::string& names, std::optional<std::chrono::seconds>& value,
                         const std::string& help) {
  const auto store = [&value, names](const std::string& text) {
    const Result<std::chrono::seconds> duration = parse_duration(text);
    if (!duration) throw CLI::ValidationError(names, escape_text(duration.error().message));
    value = *duration;
  };
  return Argument(app_->add_option_function<std::string>(names, store, help)->type_name("DURATION"));
}

Argument Command::positional(const std::string& name, std::string& value, const std::string& help) {
  return Argument(app_->add_option(name, value, help)->type_name(""));
}

Argument Command::positional(const std::string& name, std::vector<std::string>& value, const std::string& help) {
  return Argument(app_->add_option(name, value, help)->type_name(""));
}

Argument Command::positional(const std::string& name, std::uint64_t& value, const std::string& help) {
  return Argument(app_->add_option(name, value, help)->type_name(""));
}

void Command::run(Run run) {
  app_->callback([chosen = chosen_, run = std::move(run)] { *chosen = run; });
}

Parser::Parser(const std::string& default_socket)
    : chosen_(std::make_shared<Command::Run>()),
      app_(std::make_unique<CLI::App>("Steers Tidegate, the edge rate limiter of this host.", "tidegate")),
      root_(std::make_unique<Command>(*app_, chosen_)) {
  globals_.socket = default_socket;
  app_->fallthrough();  // inherited: -o and --socket are understood after the command too
  app_->require_subcommand(1);
  app_->set_help_flag("-h,--help", "Print this help and exit");
  app_->set_version_flag("--version", "tidegate " + std::string(kVersion), "Print the version and exit");
  app_->footer(
      examples("status\nblock 203.0.113.7 --for 1h --reason 'login flood'\ntop") +
      "\n\nEvery command explains itself: tidegate COMMAND --help"
      "\nExit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the agent cannot be reached, 4 not allowed");
  add_globals();
}

Parser::~Parser() = default;

void Parser::add_globals() {
  root_->option("--socket", globals_.socket, "PATH", "The agent's Unix socket (or variable TIDEGATE_SOCKET)");
  root_->option("-o,--output", globals_.format, "", "How results are written (default: table)")
      .one_of({"table", "json", "yaml"});
  root_->option("--server", globals_.server, "HOST:PORT", "An agent's network API (not in this version)");
  root_->option("--cert", globals_.certificate, "FILE", "Client certificate for --server");
  root_->option("--key", globals_.key, "FILE", "Key of the client certificate");
  root_->option("--ca", globals_.ca, "FILE", "Authority that --server's certificate must come from");
  root_->option("--token-file", globals_.token_file, "FILE", "File with a token for --server");
}

std::optional<Parser::Stop> Parser::parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    return Stop{Exit::kDone, app_->help(), ""};
  } catch (const CLI::CallForVersion& version) {
    return Stop{Exit::kDone, std::string(version.what()) + "\n", ""};
  } catch (const CLI::ParseError& error) {
    return Stop{Exit::kUsage, "", wrong_usage(*app_, error.what())};
  }
}

}  // namespace tidegate::cli
