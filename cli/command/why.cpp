// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/commands.hpp"
#include "cli/command/common.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"
#include "cli/format/quantity.hpp"

namespace tidegate::cli {
namespace {

std::string verdict_sentence(const v1::WhyResponse& why) {
  if (why.verdict() == "drop") return "is dropped";
  if (why.verdict() == "limit") return "is limited";
  if (why.verdict() == "safelisted") return "is safelisted";
  return "passes";
}

Paint paint_of(const std::string& verdict) {
  if (verdict == "drop") return Paint::kRed;
  return verdict == "limit" ? Paint::kYellow : Paint::kGreen;
}

void print_field(std::ostream& out, const Style& style, const std::string& name, const std::string& value) {
  if (value.empty()) return;
  out << "    " << style.paint(Paint::kDim, name) << std::string(10 - name.size(), ' ') << escape_text(value) << '\n';
}

void print_match(std::ostream& out, Context& context, const v1::WhyMatch& match, bool estimated) {
  const Style& style = context.output().style();
  std::string title = match.kind();
  if (!match.target().empty()) title += " on " + match.target();
  if (!match.origin().empty()) title += " by " + match.origin();
  out << "\n  " << style.paint(Paint::kBold, escape_text(title)) << '\n';
  print_field(out, style, "reason", match.reason());
  print_field(out, style, "evidence", match.evidence());
  const bool decided = match.kind() == "block" || match.kind() == "limit" || match.kind() == "monitor";
  if (match.has_expires() || decided) {
    print_field(out, style, "expires", expiry(match.has_expires(), match.expires(), context.environment().clock));
  }
  if (match.packets() > 0 || match.bytes() > 0) {
    print_field(out, style, "traffic",
                short_count(static_cast<double>(match.packets())) + " packets, " + short_bytes(match.bytes()) +
                    (estimated ? " (estimated)" : ""));
  }
  print_field(out, style, "undo", match.undo());
}

Outcome<> why(Context& context, const std::string& address) {
  TIDEGATE_TRY(check_address(address));
  v1::WhyRequest request;
  request.set_address(address);
  TIDEGATE_ASSIGN(const v1::WhyResponse response, context.client().why(request));
  context.output().show(document_of(response), [&](std::ostream& out) {
    out << context.output().style().paint(paint_of(response.verdict()),
                                          escape_text(response.address()) + " " + verdict_sentence(response));
    if (!response.summary().empty()) out << ": " << escape_text(response.summary());
    out << '\n';
    for (const v1::WhyMatch& match : response.matches()) print_match(out, context, match, response.estimated());
  });
  return {};
}

}  // namespace

void add_why(Command& root) {
  auto address = std::make_shared<std::string>();
  Command command = root.add("why", "What happens to packets of an address, why, and how to undo it",
                             "why 203.0.113.7\nwhy 2001:db8::1 -o json");
  command.positional("ADDRESS", *address, "IPv4 or IPv6 address").required();
  command.run([address](Context& context) { return why(context, *address); });
}

}  // namespace tidegate::cli
