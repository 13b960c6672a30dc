// SPDX-License-Identifier: Apache-2.0
#include "cli/format/style.hpp"

namespace tidegate::cli {
namespace {

// ECMA-48 select graphic rendition.
const char* sequence_of(Paint paint) {
  switch (paint) {
    case Paint::kBold:
      return "\x1b[1m";
    case Paint::kDim:
      return "\x1b[2m";
    case Paint::kRed:
      return "\x1b[1;31m";
    case Paint::kGreen:
      return "\x1b[32m";
    case Paint::kYellow:
      return "\x1b[33m";
    case Paint::kPlain:
      break;
  }
  return "";
}

}  // namespace

std::string Style::paint(Paint paint, const std::string& text) const {
  if (!colours_ || paint == Paint::kPlain || text.empty()) return text;
  return sequence_of(paint) + text + "\x1b[0m";
}

}  // namespace tidegate::cli
