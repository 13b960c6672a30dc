// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace tidegate::cli {

enum class Paint { kPlain, kBold, kDim, kRed, kGreen, kYellow };

// Colours, or nothing where they are not wanted.
class Style {
 public:
  explicit Style(bool colours) : colours_(colours) {}
  std::string paint(Paint paint, const std::string& text) const;

 private:
  bool colours_;
};

}  // namespace tidegate::cli
