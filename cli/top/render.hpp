// SPDX-License-Identifier: Apache-2.0
// The live screen as text: a pure function from what is known to lines, so that tests need no terminal.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "cli/format/style.hpp"
#include "cli/top/history.hpp"
#include "tidegate/v1/status.pb.h"

namespace tidegate::cli {

struct Span {
  std::string text;
  Paint paint = Paint::kPlain;
};
using Line = std::vector<Span>;

struct Traffic {
  History passed;  // packets per second
  History dropped;
};

// Everything the screen shows.
struct TopView {
  ::tidegate::v1::TopResponse response;
  ::tidegate::v1::TopBy by = ::tidegate::v1::TOP_BY_SOURCE;
  Traffic total;
  std::map<std::string, Traffic> interfaces;  // of the policy: few
  bool paused = false;
  std::string problem;  // why there is nothing newer

  // Takes an answer over and extends the histories by a second.
  void take(::tidegate::v1::TopResponse answer);
  void reset();
};

// Exactly `height` lines of at most `width` columns; what does not fit is left out from the bottom of each part.
std::vector<Line> render_top(const TopView& view, const Clock& clock, std::size_t width, std::size_t height);

// The rows as `top --once` prints them and the screen shows them: those that drop most first.
std::vector<::tidegate::v1::TopRow> sorted_rows(const ::tidegate::v1::TopResponse& response);
std::string title_of(::tidegate::v1::TopBy by);                                    // "SOURCE"
std::string name_of(const ::tidegate::v1::TopRow& row, ::tidegate::v1::TopBy by);  // what the row is about

}  // namespace tidegate::cli
