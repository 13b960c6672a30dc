// SPDX-License-Identifier: Apache-2.0
#include "cli/parser.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

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
  app_->footer(examples("status\nblock 203.0.113.7 --for 1h --reason 'login flood'\ntop") +
               "\n\nEvery command explains itself: tidegate COMMAND --help"
               "\nExit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the agent cannot be reached, 4 not allowed");
  add_globals();
}

Parser::~Parser() = default;

void Parser::add_globals() {
  root_->option("--socket", globals_.socket, "PATH", "The agent's Unix socket (or variable TIDEGATE_SOCKET)");
  root_->option("-o,--output", globals_.format, "", "How results are written").one_of({"table", "json", "yaml"});
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
  } catch (const CLI::CallForAllHelp&) {
    return Stop{Exit::kDone, app_->help("", CLI::AppFormatMode::All), ""};
  } catch (const CLI::CallForVersion& version) {
    return Stop{Exit::kDone, std::string(version.what()) + "\n", ""};
  } catch (const CLI::ParseError& error) {
    const CLI::App* command = app_.get();
    std::string path = "tidegate";
    while (!command->get_subcommands().empty()) {
      command = command->get_subcommands().front();
      path += " " + command->get_name();
    }
    std::string what = error.what();
    std::replace(what.begin(), what.end(), '\n', ' ');
    return Stop{Exit::kUsage, "", escape_text(what) + "; see `" + path + " --help`"};
  }
}

}  // namespace tidegate::cli
