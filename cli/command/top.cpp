// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "cli/client.hpp"
#include "cli/command/commands.hpp"
#include "cli/context.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/quantity.hpp"
#include "cli/format/table.hpp"
#include "cli/top/endpoints.hpp"
#include "cli/top/render.hpp"
#include "cli/top/rules.hpp"
#include "cli/top/screen.hpp"

namespace tidegate::cli {
namespace {

struct Options {
  std::string by = "source";
  std::uint64_t limit = 20;
  bool once = false;
};

constexpr std::chrono::seconds kInterval{1};
constexpr std::uint64_t kMostRows = 1000;

v1::TopBy parse_by(const std::string& name) {
  if (name == "rule") return v1::TOP_BY_RULE;
  if (name == "service") return v1::TOP_BY_SERVICE;
  if (name == "reason") return v1::TOP_BY_REASON;
  return name == "endpoint" ? v1::TOP_BY_ENDPOINT : v1::TOP_BY_SOURCE;
}

v1::TopRequest to_request(v1::TopBy by, std::uint64_t limit) {
  v1::TopRequest request;
  request.set_by(by);
  request.set_limit(static_cast<std::uint32_t>(std::min(limit, kMostRows)));
  return request;
}

void print_rows(std::ostream& out, const Style& style, const v1::TopResponse& response, v1::TopBy by) {
  if (by == v1::TOP_BY_ENDPOINT) return print_endpoints(out, style, response);
  if (by == v1::TOP_BY_RULE) return print_top_rules(out, style, response);
  Table table(out, style,
              {{title_of(by)},
               {"SERVICE"},
               {"PASSED/S", Align::kRight},
               {"BIT/S", Align::kRight},
               {"DROPPED/S", Align::kRight},
               {"BIT/S", Align::kRight},
               {"DROPPED", Align::kRight},
               {"WOULD/S", Align::kRight},
               {"REASON"}});
  for (const v1::TopRow& row : sorted_rows(response)) {
    table.add({name_of(row, by),
               row.service(),
               short_count(row.passed_pps()),
               short_bits(row.passed_bps()),
               {short_count(row.dropped_pps()), row.dropped_pps() >= 1 ? Paint::kRed : Paint::kPlain},
               short_bits(row.dropped_bps()),
               short_count(static_cast<double>(row.dropped_total())),
               {short_count(row.would_drop_pps()), row.would_drop_pps() >= 1 ? Paint::kYellow : Paint::kPlain},
               row.reason()});
  }
}

Outcome<> once(Context& context, const Options& options) {
  const v1::TopBy by = parse_by(options.by);
  TIDEGATE_ASSIGN(const v1::TopResponse response, context.client().top(to_request(by, options.limit)));
  context.output().show(documents_of(sorted_rows(response)),
                        [&](std::ostream& out) { print_rows(out, context.output().style(), response, by); });
  return {};
}

// Endpoints only where something is inspected, rules only where there are some.
v1::TopBy next_group(v1::TopBy by, const v1::GetStatusResponse& status) {
  const bool inspects = status.inspector().state() != "off";
  const bool rules = status.rules().budget() > 0;
  if (by == v1::TOP_BY_SOURCE) return v1::TOP_BY_SERVICE;
  if (by == v1::TOP_BY_SERVICE) return v1::TOP_BY_REASON;
  if (by == v1::TOP_BY_REASON && inspects) return v1::TOP_BY_ENDPOINT;
  return by != v1::TOP_BY_RULE && rules ? v1::TOP_BY_RULE : v1::TOP_BY_SOURCE;
}

// Asks once a second and draws after every answer and key.
class Live {
 public:
  Live(Context& context, Screen& screen, v1::TopBy by, v1::TopResponse first) : context_(context), screen_(screen) {
    view_.by = by;
    view_.take(std::move(first));
    asked_ = context_.environment().clock.monotonic();
  }

  void run() {
    draw();
    while (!context_.environment().interrupted) {
      const Screen::Key key = screen_.key();
      if (key == Screen::Key::kQuit) return;
      const bool changed = react(key) || ask_when_due();
      if (changed) draw();
    }
  }

 private:
  bool react(Screen::Key key) {
    if (key == Screen::Key::kNextGroup) {
      view_.by = next_group(view_.by, view_.response.status());
      view_.response.clear_rows();
      regroup_ = true;
    }
    if (key == Screen::Key::kReset) view_.reset();
    if (key == Screen::Key::kPause) view_.paused = !view_.paused;
    return key != Screen::Key::kNone && !regroup_;
  }

  bool ask_when_due() {
    const auto now = context_.environment().clock.monotonic();
    const bool due = !view_.paused && now - asked_ >= kInterval;
    if (!due && !regroup_) return false;
    if (due) asked_ = now;
    auto response = context_.client().top(to_request(view_.by, std::max<std::size_t>(20, screen_.height())));
    if (!response) {
      view_.problem = response.error().message;
    } else if (due) {
      view_.take(*std::move(response));
    } else {
      view_.response = *std::move(response);  // the histories move by seconds, not by keys
    }
    regroup_ = false;
    return true;
  }

  void draw() { screen_.draw(render_top(view_, context_.environment().clock, screen_.width(), screen_.height())); }

  Context& context_;
  Screen& screen_;
  TopView view_;
  MonotonicTime asked_{};
  bool regroup_ = false;
};

Outcome<> top(Context& context, const Options& options) {
  if (options.once) return once(context, options);
  const Environment& environment = context.environment();
  if (!context.output().is_table() || !environment.out_terminal || !environment.in_terminal) {
    return refuse(Exit::kUsage, "top draws on a terminal; for scripts there is `tidegate top --once -o json`");
  }
  const v1::TopBy by = parse_by(options.by);
  TIDEGATE_ASSIGN(v1::TopResponse first, context.client().top(to_request(by, options.limit)));
  TIDEGATE_ASSIGN(const auto screen, Screen::open(environment.colours()));
  Live(context, *screen, by, std::move(first)).run();
  return {};
}

}  // namespace

void add_top(Command& root) {
  auto options = std::make_shared<Options>();
  Command command = root.add("top", "Live screen: what is sent, what gets through, what is dropped and why",
                             "top\ntop --once --by source -o json\ntop --by endpoint\ntop --by rule");
  command.option("--by", options->by, "", "Group by this (default: source)")
      .one_of({"source", "rule", "service", "reason", "endpoint"});
  command.option("--limit", options->limit, "N", "At most this many rows with --once (default: 20)");
  command.flag("--once", options->once, "Print once and exit");
  command.run([options](Context& context) { return top(context, *options); });
}

}  // namespace tidegate::cli
