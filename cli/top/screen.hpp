// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/outcome.hpp"
#include "cli/top/render.hpp"

namespace tidegate::cli {

// The terminal in full-screen mode, restored when this object goes. One at a time. Only screen.cpp includes ncurses.
class Screen {
 public:
  enum class Key { kNone, kQuit, kNextGroup, kReset, kPause, kResize };

  static Outcome<std::unique_ptr<Screen>> open(bool colours);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  std::size_t width() const;
  std::size_t height() const;
  void draw(const std::vector<Line>& lines);
  // Waits for a key, at most a tenth of a second.
  Key key();

 private:
  Screen(void* terminal, bool colours) : terminal_(terminal), colours_(colours) {}

  void* terminal_;  // SCREEN of ncurses
  bool colours_;
};

}  // namespace tidegate::cli
