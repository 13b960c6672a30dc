// SPDX-License-Identifier: Apache-2.0
// The command line as commands declare it. Only parser.cpp and completion.cpp include CLI11.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/units.hpp"
#include "cli/outcome.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace tidegate::cli {

class Context;

// An option that was just declared.
class Argument {
 public:
  explicit Argument(CLI::Option* option) : option_(option) {}
  Argument& required();
  Argument& one_of(const std::vector<std::string>& values);

 private:
  CLI::Option* option_;
};

// One (sub)command. References to variables must live until the command has run: commands keep theirs in an object that
// the run function owns.
class Command {
 public:
  using Run = std::function<Outcome<>(Context&)>;

  explicit Command(CLI::App& app, std::shared_ptr<Run> chosen);

  // `example` is one or more lines without the leading "tidegate".
  Command add(const std::string& name, const std::string& description, const std::string& example);
  // Groups of subcommands ("policy") need one to be named.
  Command add_group(const std::string& name, const std::string& description, const std::string& example);

  void flag(const std::string& names, bool& value, const std::string& help);
  Argument option(const std::string& names, std::string& value, const std::string& placeholder,
                  const std::string& help);
  Argument option(const std::string& names, std::optional<std::string>& value, const std::string& placeholder,
                  const std::string& help);
  Argument option(const std::string& names, std::uint64_t& value, const std::string& placeholder,
                  const std::string& help);
  // May be repeated, one value each.
  Argument option(const std::string& names, std::vector<std::string>& value, const std::string& placeholder,
                  const std::string& help);
  // "30s", "5m", "1h", "7d"
  Argument option(const std::string& names, std::optional<std::chrono::seconds>& value, const std::string& help);
  Argument positional(const std::string& name, std::string& value, const std::string& help);
  Argument positional(const std::string& name, std::vector<std::string>& value, const std::string& help);
  Argument positional(const std::string& name, std::uint64_t& value, const std::string& help);

  // What happens when this command is the one that was given.
  void run(Run run);

  CLI::App& app() { return *app_; }

 private:
  CLI::App* app_;
  std::shared_ptr<Run> chosen_;
};

// What stands before any command.
struct Globals {
  std::string socket;
  std::string format;  // empty: not given
  // Of the network API: known, and refused in one line, because this version's agent listens on a Unix socket only.
  std::optional<std::string> server, certificate, key, ca, token_file;
};

class Parser {
 public:
  explicit Parser(const std::string& default_socket);
  ~Parser();

  Command& root() { return *root_; }
  const Globals& globals() const { return globals_; }

  // What to print and the exit code, when there is nothing to run: help, version, wrong usage.
  struct Stop {
    Exit exit = Exit::kDone;
    std::string out;
    std::string err;
  };
  std::optional<Stop> parse(int argc, const char* const* argv);
  const Command::Run& chosen() const { return *chosen_; }

 private:
  void add_globals();

  Globals globals_;
  std::shared_ptr<Command::Run> chosen_;
  std::unique_ptr<CLI::App> app_;
  std::unique_ptr<Command> root_;
};

}  // namespace tidegate::cli
