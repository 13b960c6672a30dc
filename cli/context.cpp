// SPDX-License-Identifier: Apache-2.0
#include "cli/context.hpp"

#include "cli/client.hpp"
#include "cli/format/escape.hpp"

namespace tidegate::cli {

Context::Context(Environment& environment, Format format, std::string socket, Command& root)
    : environment_(environment), output_(environment, format), socket_(std::move(socket)), root_(root) {}

Context::~Context() = default;

Client& Context::client() {
  if (!client_) client_ = std::make_unique<Client>(socket_, environment_);
  return *client_;
}

void Context::say(const std::string& line) { environment_.err << "tidegate: " << escape_text(line) << '\n'; }

bool Context::confirmed(const std::string& question) {
  if (!environment_.in_terminal || !environment_.err_terminal) return true;
  environment_.err << escape_text(question) << " [y/N] " << std::flush;
  std::string answer;
  std::getline(environment_.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace tidegate::cli
