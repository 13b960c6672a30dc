// SPDX-License-Identifier: Apache-2.0
#include "cli/command/common.hpp"

#include <sstream>

#include "agent/base/address.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"
#include "cli/format/quantity.hpp"

namespace tidegate::cli {

std::vector<std::string> caller_peers(const Environment& environment) {
  std::istringstream connection(environment.variable("SSH_CONNECTION").value_or(""));
  std::string peer;
  connection >> peer;
  if (!Address::parse(peer)) return {};
  return {peer};
}

std::string until(const v1::Decision& decision) {
  if (!decision.has_expires()) return "until removed";
  return "until " + to_rfc3339(to_wall_time(decision.expires()));
}

std::string expiry(bool has, const google::protobuf::Timestamp& time, const Clock& clock) {
  if (!has) return "never";
  const WallTime when = to_wall_time(time);
  const auto left = std::chrono::ceil<std::chrono::seconds>(when - clock.wall());
  return to_rfc3339(when) + (left.count() > 0 ? " (in " + short_age(left) + ")" : " (over)");
}

namespace {

// A network that was written with host bits is understood and refused; what is no address at all is wrong usage.
Failure bad_target(const std::string& target, const Error& error) {
  const std::size_t slash = target.find('/');
  const bool understood = slash != std::string::npos && Address::parse(target.substr(0, slash));
  return Failure(understood ? Exit::kFailed : Exit::kUsage, error.message);
}

}  // namespace

Outcome<> check_targets(const std::vector<std::string>& targets) {
  for (const std::string& target : targets) {
    const Result<Prefix> prefix = Prefix::parse(target);
    if (!prefix) return std::unexpected(bad_target(target, prefix.error()));
  }
  return {};
}

Outcome<> check_address(const std::string& address) {
  const Result<Address> parsed = Address::parse(address);
  if (!parsed) return refuse(Exit::kUsage, parsed.error().message);
  return {};
}

std::string joined(const std::vector<std::string>& words, const std::string& separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

std::string plural(std::uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string summary(const v1::Decision& decision) {
  return escape_text(action_name(decision.action()) + " " + decision.target() + " by " + decision.origin() + " " +
                     until(decision) + " (id " + std::to_string(decision.id()) + ")");
}

}  // namespace tidegate::cli
