// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace tidegate::cli {
namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

CompletionOption describe_option(const CLI::Option& option) {
  CompletionOption described;
  for (const std::string& name : option.get_snames()) described.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) described.names.push_back("--" + name);
  described.help = first_line(option.get_description());
  described.takes_value = option.get_expected_max() > 0 || option.get_positional();
  described.placeholder = option.get_type_name().empty() ? option.get_name(true) : option.get_type_name();
  return described;
}

CompletionTree describe_app(const CLI::App& app, std::vector<std::string> path,
                            const std::vector<CompletionOption>& inherited) {
  CompletionTree tree;
  tree.path = std::move(path);
  tree.help = first_line(app.get_description());
  tree.options = inherited;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      tree.positionals.push_back(describe_option(*option));
    } else if (tree.path.empty() || option != app.get_help_ptr()) {  // --help is inherited already
      tree.options.push_back(describe_option(*option));
    }
  }
  const std::vector<CompletionOption> passed_on = tree.path.empty() ? tree.options : inherited;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    std::vector<std::string> below = tree.path;
    below.push_back(command->get_name());
    tree.commands.push_back(describe_app(*command, std::move(below), passed_on));
  }
  return tree;
}

std::string joined_path(const std::vector<std::string>& path, char separator) {
  std::string text;
  for (const std::string& word : path) text += (text.empty() ? "" : std::string(1, separator)) + word;
  return text;
}

std::string words_of(const CompletionTree& tree) {
  std::string words;
  for (const CompletionTree& command : tree.commands) words += command.path.back() + " ";
  for (const CompletionOption& option : tree.options) {
    for (const std::string& name : option.names) words += name + " ";
  }
  for (const CompletionOption& positional : tree.positionals) {
    if (positional.placeholder.find('|') == std::string::npos) continue;
    for (const char c : positional.placeholder) words += c == '|' ? ' ' : c;
    words += ' ';
  }
  return words.empty() ? words : words.substr(0, words.size() - 1);
}

std::string bash_values(const CompletionOption& option) {
  std::string pattern;
  for (const std::string& name : option.names) pattern += (pattern.empty() ? "" : "|") + name;
  std::string line = "    " + pattern + ") ";
  if (option.placeholder.find('|') != std::string::npos) {
    std::string values = option.placeholder;
    std::replace(values.begin(), values.end(), '|', ' ');
    return line + "COMPREPLY=($(compgen -W '" + values + "' -- \"$cur\")); return ;;\n";
  }
  const bool file = option.placeholder == "FILE" || option.placeholder == "PATH";
  return line + (file ? "COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n" : "return ;;\n");
}

// Every option that takes a value, once: an option means the same in each command that has it.
void collect_values(const CompletionTree& tree, std::vector<std::string>& lines) {
  for (const CompletionOption& option : tree.options) {
    if (!option.takes_value) continue;
    const std::string line = bash_values(option);
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  }
  for (const CompletionTree& command : tree.commands) collect_values(command, lines);
}

void bash_cases(const CompletionTree& tree, std::string& out) {
  out += "    '" + joined_path(tree.path, ' ') + "') words='" + words_of(tree) + "' ;;\n";
  for (const CompletionTree& command : tree.commands) bash_cases(command, out);
}

void bash_known(const CompletionTree& tree, std::string& out) {
  for (const CompletionTree& command : tree.commands) {
    out += (out.empty() ? "'" : "|'") + joined_path(command.path, ' ') + "'";
    bash_known(command, out);
  }
}

// Inside single quotes and brackets of an _arguments specification.
std::string zsh_quoted(const std::string& text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else if (c == '[' || c == ']' || c == ':') {
      quoted += std::string("\\") + c;
    } else {
      quoted += c;
    }
  }
  return quoted;
}

std::string zsh_action(const std::string& placeholder) {
  if (placeholder.find('|') != std::string::npos) {
    std::string values = placeholder;
    std::replace(values.begin(), values.end(), '|', ' ');
    return "(" + values + ")";
  }
  return placeholder.starts_with("FILE") || placeholder == "PATH" ? "_files" : "( )";
}

std::string zsh_option(const CompletionOption& option, const std::string& name) {
  std::string line = "    '" + name + "[" + zsh_quoted(option.help) + "]";
  if (option.takes_value) line += ":" + zsh_quoted(option.placeholder) + ":" + zsh_action(option.placeholder);
  return line + "'\n";
}

void zsh_function(const CompletionTree& tree, std::string& out) {
  for (const CompletionTree& command : tree.commands) zsh_function(command, out);
  const std::string name = "_tidegate" + (tree.path.empty() ? "" : "_" + joined_path(tree.path, '_'));
  out += name + "() {\n  local -a specs commands\n  specs=(\n";
  for (const CompletionOption& option : tree.options) {
    for (const std::string& spelled : option.names) out += zsh_option(option, spelled);
  }
  if (tree.commands.empty()) {
    for (const CompletionOption& positional : tree.positionals) {
      out += "    '*:" + zsh_quoted(positional.placeholder) + ":" + zsh_action(positional.placeholder) + "'\n";
    }
    out += "  )\n  _arguments $specs\n}\n";
    return;
  }
  out += "    '1: :->command'\n    '*:: :->rest'\n  )\n  commands=(\n";
  for (const CompletionTree& command : tree.commands) {
    out += "    '" + command.path.back() + ":" + zsh_quoted(command.help) + "'\n";
  }
  out +=
      "  )\n  local curcontext=$curcontext state line\n  _arguments -C $specs\n  case $state in\n"
      "    command) _describe command commands ;;\n    rest) (( $+functions[" +
      name + "_$words[1]] )) && " + name + "_$words[1] ;;\n  esac\n}\n";
}

}  // namespace

CompletionTree describe(Command& root) { return describe_app(root.app(), {}, {}); }

std::string bash_completion(const CompletionTree& tree) {
  std::vector<std::string> values;
  collect_values(tree, values);
  std::string known;
  bash_known(tree, known);
  std::string cases;
  bash_cases(tree, cases);
  std::string out =
      "# bash completion of tidegate; made by `tidegate completion bash`\n"
      "_tidegate() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path='' words='' word\n"
      "  COMPREPLY=()\n  case $prev in\n";
  for (const std::string& line : values) out += line;
  out += "  esac\n  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case \"${path:+$path }$word\" in\n      " +
         known + ") path=\"${path:+$path }$word\" ;;\n    esac\n  done\n  case $path in\n" + cases +
         "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  [[ ${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- \"$cur\"))\n  return 0\n}\n"
         "complete -F _tidegate tidegate\n";
  return out;
}

std::string zsh_completion(const CompletionTree& tree) {
  std::string out = "#compdef tidegate\n# zsh completion of tidegate; made by `tidegate completion zsh`\n";
  zsh_function(tree, out);
  return out + "_tidegate \"$@\"\n";
}

}  // namespace tidegate::cli
