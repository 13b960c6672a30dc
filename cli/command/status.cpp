// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <thread>

#include "cli/client.hpp"
#include "cli/command/commands.hpp"
#include "cli/command/status_view.hpp"
#include "cli/context.hpp"
#include "cli/format/documents.hpp"
#include "cli/top/render.hpp"

namespace tidegate::cli {
namespace {

using std::chrono::seconds;
constexpr seconds kUsualPatience{30};
constexpr std::uint32_t kTopSources = 5;
constexpr auto kBetweenTries = std::chrono::milliseconds(100);

// "10" is seconds, as in the contract; "10s" and "1m" are understood too.
Outcome<seconds> parse_wait(const std::string& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && number <= 86400) return seconds(number);
  const Result<seconds> duration = parse_duration(text);
  if (!duration) return refuse(Exit::kUsage, "--wait: " + duration.error().message);
  return *duration;
}

bool is_ready(const v1::GetStatusResponse& status) {
  return status.policy_generation() != 0 &&
         std::ranges::all_of(status.interfaces(), [](const v1::InterfaceStatus& interface) {
           return interface.attached() || interface.detached_by_operator();
         });
}

// An agent that is not there yet is waited for as well as one that is not ready yet, which answers now and then.
Outcome<v1::GetStatusResponse> ask(Context& context, seconds wait) {
  const auto deadline = std::chrono::steady_clock::now() + wait;
  while (true) {
    const auto left = std::chrono::ceil<seconds>(deadline - std::chrono::steady_clock::now());
    v1::GetStatusRequest request;
    if (left.count() > 0) *request.mutable_wait() = to_duration(left);
    Client fresh(context.socket(), context.environment());  // gRPC would back off before it connects again
    auto response = fresh.status(request, std::max(left, seconds(0)) + kUsualPatience);
    const bool again = response ? !is_ready(*response) : response.error().exit == Exit::kUnreachable;
    if (!again || std::chrono::steady_clock::now() >= deadline) return response;
    if (context.environment().interrupted) return refuse(Exit::kInterrupted, "");
    std::this_thread::sleep_for(kBetweenTries);
  }
}

// What the agent is asked for beside its status never hides it.
v1::TopResponse top_sources(Context& context) {
  v1::TopRequest request;
  request.set_by(v1::TOP_BY_SOURCE);
  request.set_limit(kTopSources);
  auto response = context.client().top(request);
  return response ? std::move(*response) : v1::TopResponse{};
}

Outcome<> status(Context& context, const std::string& wait) {
  TIDEGATE_ASSIGN(const seconds patience, parse_wait(wait));
  TIDEGATE_ASSIGN(const v1::GetStatusResponse response, ask(context, patience));
  const v1::TopResponse top = top_sources(context);
  Json document = document_of(response);
  document["top_sources"] = documents_of(sorted_rows(top));
  context.output().show(document, [&](std::ostream& out) {
    print_status(out, context.output().style(), response, top, context.environment().clock);
  });
  if (patience.count() == 0 || is_ready(response)) return {};
  return refuse("not ready after " + std::to_string(patience.count()) +
                " s: no policy is in force, or an interface is not attached; the warnings say why");
}

}  // namespace

void add_status(Command& root) {
  auto wait = std::make_shared<std::string>("0");
  Command command = root.add("status", "What the agent does: warnings, interfaces, rates, tables, ages",
                             "status\nstatus --wait 10 -o json");
  command.option("--wait", *wait, "S", "Wait until the agent is ready, at most S seconds");
  command.run([wait](Context& context) { return status(context, *wait); });
}

}  // namespace tidegate::cli
