// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/environment.hpp"
#include "cli/format/output.hpp"
#include "cli/outcome.hpp"

namespace tidegate::cli {

class Client;
class Command;

// What a running command works with.
class Context {
 public:
  // `root`: the whole parser, which completion describes.
  Context(Environment& environment, Format format, std::string socket, Command& root);
  ~Context();

  Environment& environment() { return environment_; }
  Output& output() { return output_; }
  // Whether -o was said: a command that is mostly read by programs may choose otherwise.
  bool format_given() const { return format_given_; }
  void set_format_given(bool given) { format_given_ = given; }
  Command& root() { return root_; }
  const std::string& socket() const { return socket_; }
  // Connects with the first call that is made through it.
  Client& client();

  // A line on stderr: "tidegate: …".
  void say(const std::string& line);
  // Asks on a terminal and is true on "y" or "yes"; without a terminal nobody can be asked, and it is true.
  bool confirmed(const std::string& question);

 private:
  Environment& environment_;
  Output output_;
  std::string socket_;
  Command& root_;
  bool format_given_ = false;
  std::unique_ptr<Client> client_;
};

}  // namespace tidegate::cli
